// A printed runbook is the last resort: everything that is folded is unfolded on paper.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
// The theme opens its search as a dialogue without a name, which a screen reader would read as nothing.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
// A table that is wider than the page can be scrolled with the keyboard, too.
addEventListener("load", () => document.querySelectorAll(".md-typeset__scrollwrap").forEach((one) => { one.tabIndex = 0; }));
