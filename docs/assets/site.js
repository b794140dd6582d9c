// A printed runbook is the last resort: everything that is folded is unfolded on paper.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
// The theme opens its search as a dialogue without a name, which a screen reader would read as nothing.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
