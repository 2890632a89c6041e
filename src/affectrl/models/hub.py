"""Model folders on the Hugging Face hub: fetched into its cache, uploaded from a folder, by huggingface_hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from affectrl.errors import ModelError

PREFIX = "hub:"
_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def repo_of(name: str | Path) -> str | None:
    """The repository that a name means, or ``None`` for a place on this machine.

    ``hub:ORG/NAME`` always means the hub. ``ORG/NAME`` does where no such folder, and no folder ``ORG``, is here:
    ``runs/first-try`` is a run that is missing, not a repository.
    """
    text = str(name)
    if text.startswith(PREFIX):
        return text.removeprefix(PREFIX)
    if isinstance(name, Path) or not _ID.fullmatch(text) or os.path.exists(text.split("/")[0]):
        return None
    return None if text.startswith("runs/") else text


def fetched(name: str | Path) -> Path:
    """A folder of this machine: ``name`` itself, or what is fetched of the repository that it means.

    Raises:
        ModelError: ``hub_missing``, ``hub_refused`` or ``hub_unreachable``.
    """
    repo = repo_of(name)
    if repo is None:
        return Path(name)
    from huggingface_hub import snapshot_download

    with _told(repo):
        return Path(snapshot_download(repo, ignore_patterns=["*.bin", "*.pt", "*.pkl", "*.pickle"]))


def upload(folder: Path, repo: str, *, private: bool = False) -> str:
    """Create the repository if it is not there, and upload a folder as one commit.

    Args:
        folder: All of it is uploaded.
        repo: ``ORG/NAME``.
        private: Whether a new repository is.

    Returns:
        Its address.

    Raises:
        ModelError: ``hub_missing``, ``hub_refused`` or ``hub_unreachable``.
    """
    import huggingface_hub

    api = huggingface_hub.HfApi()
    with _told(repo):
        url = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=repo, commit_message="Upload an affectrl model")
    return str(url)


@contextmanager
def _told(repo: str) -> Iterator[None]:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    where = f"{PREFIX}{repo}"
    login = "Log in with: hf auth login."
    try:
        yield
    except HFValidationError as error:
        raise ModelError("is no repository's name.", code="hub_missing", path=where, hint="Write ORG/NAME.") from error
    except (GatedRepoError, LocalTokenNotFoundError) as error:
        raise ModelError("the hub asks who you are.", code="hub_refused", path=where, hint=login) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            "no such repository is on the hub, or it is private.", code="hub_missing", path=where, hint=login
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ModelError(
            "is not in the cache of this machine, and the hub cannot be reached.",
            code="hub_unreachable",
            path=where,
            hint="Go online, unset HF_HUB_OFFLINE, or give a folder.",
        ) from error
    except HfHubHTTPError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"the hub refused: {reason}", code="hub_refused", path=where, hint=login) from error
    except (HTTPError, ConnectionError) as error:
        raise ModelError(
            "the hub cannot be reached.", code="hub_unreachable", path=where, hint="Try again when online."
        ) from error
