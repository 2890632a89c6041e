"""The tabs, wired to the service. What a browser's tab knows of itself is the name of its adaptation, nothing more."""

from __future__ import annotations

from typing import Any

import gradio as gr

from affectrl.serving.page import acts
from affectrl.serving.service import Service

FILE_KINDS = ["video", "audio", "image"]
WINDOWS = [
    ("Long recordings", "auto"),
    ("Never", "none"),
    ("Every 2 s", "2"),
    ("Every 4 s", "4"),
    ("Every 8 s", "8"),
]
TASKS = [
    ("basic: one of a closed set", "basic"),
    ("ov: open-vocabulary labels (EW)", "ov"),
    ("hitrate", "hitrate"),
    ("sentiment", "sentiment"),
    ("prefer", "prefer"),
]
PRIVATE: Any = {"api_visibility": "private"}
REFRESH_S = 1.5
WELCOME = (
    '<div class="aff-card aff-empty"><p>The answer will stand here: emotions on a wheel, how each modality spoke for '
    "them, and for a long recording how they change over time.</p></div>"
)


def build(service: Service) -> gr.Blocks:
    """The page."""
    page = acts.Acts(service)
    with gr.Blocks(
        title="affectrl", analytics_enabled=False, delete_cache=(60, acts.FORGET_S), fill_width=False
    ) as blocks:
        gr.HTML(
            f'<header class="aff-header"><h1>affectrl</h1><p>What a voice, a face and words say about how someone '
            f"feels. Model: <strong>{page.model_name}</strong>. Nothing leaves this server; recordings are deleted "
            "after use. A model's guess is no diagnosis, and says little about one person.</p></header>"
        )
        session = gr.State(None, time_to_live=3600, delete_callback=page.forget)
        with gr.Tabs():
            with gr.Tab("Predict"):
                _predict(page, session)
            with gr.Tab("Compare"):
                _compare(page, blocks)
            with gr.Tab("Adapt"):
                _adapt(page, session)
            with gr.Tab("Score"):
                _score(page)
            with gr.Tab("Runs"):
                _runs(page, blocks)
    return blocks


def _inputs(name: str) -> tuple[list[Any], gr.Textbox, gr.Textbox]:
    """A clip from a file, the microphone or the camera; its words; a closed choice."""
    chosen = gr.State("file")
    with gr.Tabs(elem_id=f"{name}-sources"):
        with gr.Tab("File") as by_file:
            file = gr.File(
                label="Film, sound or picture: drop it here", file_types=FILE_KINDS, elem_id=f"{name}-file", height=175
            )
        with gr.Tab("Microphone") as by_voice:
            voice = gr.Audio(
                label="Your voice",
                sources=["microphone"],
                type="filepath",
                elem_id=f"{name}-voice",
                editable=False,
                buttons=["download"],
            )
        with gr.Tab("Camera") as by_film:
            film = gr.Video(
                label="You, with sound",
                sources=["webcam"],
                buttons=["download"],
                include_audio=True,
                webcam_options=gr.WebcamOptions(mirror=False),
                elem_id=f"{name}-film",
            )
    for tab, kind in ((by_file, "file"), (by_voice, "voice"), (by_film, "film")):
        tab.select(lambda kind=kind: kind, None, chosen, show_progress="hidden", queue=False, **PRIVATE)
    words = gr.Textbox(label="Words", info="What was said; or only this.", lines=2, max_length=5000)
    labels = gr.Textbox(
        label="Choose among",
        info="Leave empty for the model's own words.",
        placeholder="happy, sad, angry, neutral",
        max_length=1000,
    )
    return [chosen, file, voice, film], words, labels


def _predict(page: acts.Acts, session: gr.State) -> None:
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            source, words, labels = _inputs("predict")
            which = gr.Radio(
                ["As shipped", "My adapted one"], value="As shipped", label="Model", elem_id="predict-which"
            )
            window = gr.Dropdown(WINDOWS, value="auto", label="Show emotions over time", elem_id="predict-window")
            explain = gr.Checkbox(True, label="Say what voice, face and words each gave")
            hear = gr.Checkbox(False, label="Hear the words (English only)", elem_id="predict-hear")
            go = gr.Button("Predict", variant="primary", elem_id="predict-go")
        with gr.Column(scale=7, min_width=320):
            out = gr.HTML(WELCOME, elem_id="predict-out")
    inputs = [*source, words, labels, window, explain, hear, which, session]
    gr.on(
        [go.click, words.submit],
        page.predict,
        inputs,
        out,
        concurrency_limit=None,
        show_progress="minimal",
        trigger_mode="once",
        **PRIVATE,
    )


def _compare(page: acts.Acts, blocks: gr.Blocks) -> None:
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            source, words, labels = _inputs("compare")
            other = gr.Dropdown(
                page.models(), label="Against", info="Finished models among the runs.", elem_id="compare-other"
            )
            go = gr.Button("Compare", variant="primary", elem_id="compare-go")
        with gr.Column(scale=7, min_width=320):
            out = gr.HTML('<div class="aff-card aff-empty"><p>Two answers will stand here, side by side.</p></div>')
    go.click(
        page.compare, [*source, words, labels, other], out, concurrency_limit=2, show_progress="minimal", **PRIVATE
    )
    blocks.load(lambda: gr.Dropdown(page.models()), None, other, show_progress="hidden", **PRIVATE)


def _adapt(page: acts.Acts, session: gr.State) -> None:
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            gr.HTML(
                '<p class="aff-soft">The model answers your clips several times; what most answers say pays the '
                "others (test-time reinforcement learning). No labels are needed. Give clips of the people or the "
                "room it shall get used to, the more the better.</p>"
            )
            clips = gr.File(
                label=f"Your clips, up to {acts.MOST_CLIPS}",
                file_count="multiple",
                file_types=FILE_KINDS,
                elem_id="adapt-clips",
                height=180,
            )
            sentences = gr.Textbox(label="Or sentences, one a line", lines=3, max_length=20_000)
            with gr.Row():
                votes = gr.Slider(4, 16, 8, step=1, label="Answers a clip")
                epochs = gr.Slider(1, 20, 5, step=1, label="Rounds")
            speed = gr.Radio(
                [("Gentle", "2e-5"), ("Normal", "5e-5"), ("Bold", "2e-4")], value="5e-5", label="Learning rate"
            )
            with gr.Row():
                go = gr.Button("Adapt", variant="primary", elem_id="adapt-go", min_width=90)
                stop = gr.Button("Stop", elem_id="adapt-stop", min_width=90)
                back = gr.Button("Roll back", variant="stop", elem_id="adapt-back", min_width=90)
        with gr.Column(scale=7, min_width=320):
            out = gr.HTML('<div class="aff-card aff-empty"><p>Curves will grow here.</p></div>', elem_id="adapt-out")
    timer = gr.Timer(REFRESH_S, active=False)
    go.click(
        page.adapt,
        [clips, sentences, votes, epochs, speed, session],
        [session, out, timer],
        concurrency_limit=2,
        **PRIVATE,
    )
    timer.tick(page.watch, session, [out, timer], show_progress="hidden", concurrency_limit=None, **PRIVATE)
    stop.click(page.stop, session, None, show_progress="hidden", **PRIVATE)
    back.click(page.roll_back, session, [session, out, timer], show_progress="hidden", **PRIVATE)


def _score(page: acts.Acts) -> None:
    kinds = [".jsonl", ".csv"]
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            pred = gr.File(label="Predictions (.jsonl, .csv)", file_types=kinds, height=130, elem_id="score-pred")
            ref = gr.File(label="References (.jsonl, .csv)", file_types=kinds, height=130, elem_id="score-ref")
            task = gr.Dropdown(TASKS, value="basic", label="Task")
            labels = gr.Dropdown(
                [("none", ""), *page.label_sets()], value="", label="Map labels to", info="For the task basic."
            )
            go = gr.Button("Score", variant="primary", elem_id="score-go")
        with gr.Column(scale=7, min_width=320):
            out = gr.HTML(
                '<div class="aff-card aff-empty"><p>Scores with intervals will stand here, beside those of a constant '
                "answer.</p></div>",
                elem_id="score-out",
            )
    go.click(page.score, [pred, ref, task, labels], out, concurrency_limit=2, show_progress="minimal", **PRIVATE)


def _runs(page: acts.Acts, blocks: gr.Blocks) -> None:
    run = gr.Dropdown(page.reports(), label="Run", info="Those that have a report.", elem_id="runs-run")
    out = gr.HTML(page.report(None), elem_id="runs-out")
    run.change(page.report, run, out, show_progress="hidden", **PRIVATE)
    blocks.load(page.newest, None, [run, out], show_progress="hidden", **PRIVATE)
