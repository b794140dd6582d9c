// A printed runbook is the last resort: everything that is folded is unfolded on paper.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
