// The timeline under a player: press a part to play from there; the player tells which part it is in.
// Nothing that users or models wrote is ever read as HTML here: words are put in as text.
(() => {
  const media = (box) => box.querySelector("video.aff-media, audio.aff-media");
  document.addEventListener("click", (event) => {
    const part = event.target.closest && event.target.closest(".aff-seg");
    if (!part) return;
    const player = media(part.closest(".aff-player"));
    if (!player) return;
    player.currentTime = Number(part.dataset.at) + 0.01;
    player.play();
  });
  document.addEventListener("keydown", (event) => {
    const part = event.target.closest && event.target.closest(".aff-seg");
    if (!part || (event.key !== "ArrowRight" && event.key !== "ArrowLeft")) return;
    const next = event.key === "ArrowRight" ? part.nextElementSibling : part.previousElementSibling;
    if (next && next.classList.contains("aff-seg")) next.focus();
    event.preventDefault();
  });
  document.addEventListener("timeupdate", (event) => {
    const box = event.target.closest && event.target.closest(".aff-player");
    if (!box) return;
    const at = event.target.currentTime;
    const head = box.querySelector(".aff-head");
    if (head) head.style.left = Math.min(100, (100 * at) / Number(box.dataset.length)) + "%";
    let top = "";
    box.querySelectorAll(".aff-seg").forEach((part) => {
      const now = Number(part.dataset.at) <= at && at < Number(part.dataset.end);
      part.classList.toggle("aff-on", now);
      if (now) top = part.dataset.top;
    });
    const shown = box.querySelector(".aff-now");
    if (shown) shown.textContent = top;
  }, true);
  // Gradio leaves drop zones and their buttons without names for screen readers.
  const name = () => document.querySelectorAll("button:not([aria-label])").forEach((button) => {
    if (button.textContent.trim() || button.title) return;
    const label = button.closest(".block") && button.closest(".block").querySelector("label, [data-testid=block-label]");
    if (label) button.setAttribute("aria-label", label.textContent.trim());
  });
  addEventListener("load", () => { document.documentElement.lang = "en"; setInterval(name, 2000); });
})();
