"use strict";
// The script of the page lies in it compressed: 200 reports carry it 200 times.
(async () => {
  if (!("DecompressionStream" in window)) {
    document.getElementById("content").textContent = "This page needs a browser of 2023 or later.";
    return;
  }
  const packed = Uint8Array.from(atob(document.getElementById("app").textContent), (letter) => letter.charCodeAt(0));
  const script = document.createElement("script");
  script.textContent = await new Response(
    new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).text();
  document.body.append(script);
})();
