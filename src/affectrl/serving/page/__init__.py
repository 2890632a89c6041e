"""The page: tabs over the same service as the API. Everything it loads comes from this machine."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from affectrl.serving.runs import router
from affectrl.serving.service import Service

HERE = Path(__file__).parent


def mount(app: FastAPI, service: Service) -> FastAPI:
    """The app with the page at ``/``."""
    # Read when gradio is imported: it would ask its makers for news.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(service.intake.path / "page")
    os.environ["HF_HUB_OFFLINE"] = os.environ.get("HF_HUB_OFFLINE", "1")
    import gradio as gr

    from affectrl.serving.page.tabs import build

    app.include_router(router(service.settings.runs))
    blocks = build(service)
    refuse_addresses(blocks)
    blocks.queue(default_concurrency_limit=8, max_size=service.limits.waiting)
    script = (HERE / "page.js").read_text("utf-8")
    return gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=service.limits.body_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        theme=theme(),
        css_paths=[HERE / "style.css"],
        head=f'<meta name="color-scheme" content="light dark"><script>{script}</script>',
    )


def refuse_addresses(blocks: Any) -> None:
    """Have components take files, not addresses: gradio would fetch whatever a request made by hand names."""

    def closed(fetch: Callable[[str | Path | None], Awaitable[str | None]]) -> Callable[..., Awaitable[str | None]]:
        async def only_files(place: str | Path | None) -> str | None:
            if "://" in str(place or ""):
                raise ValueError("addresses are not fetched; upload the file.")
            return await fetch(place)

        return only_files

    for block in blocks.blocks.values():
        block.async_move_resource_to_block_cache = closed(block.async_move_resource_to_block_cache)


def theme() -> Any:
    """Fonts of the reader's own machine: others would come from elsewhere."""
    import gradio as gr

    fonts = ["system-ui", "Segoe UI", "Roboto", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_md,
    ).set(
        button_primary_background_fill="#0b63a5",
        button_primary_background_fill_hover="#084c7f",
        button_primary_background_fill_dark="#0b63a5",
        button_primary_text_color="#ffffff",
        body_background_fill="#f6f8fa",
        block_border_width="1px",
        block_shadow="none",
        block_info_text_color="#57606a",
        block_info_text_color_dark="#a7b0ba",
        input_placeholder_color="#6b7480",
        input_placeholder_color_dark="#98a2ad",
        link_text_color="#0b63a5",
    )
