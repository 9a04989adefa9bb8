// Measures in the page itself: when it can be used, how long it takes from an input to the painted frame that shows
// what it did, how far frames are apart, and which tasks are long.

(() => {
  const painted = () => new Promise((tell) => {
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => tell(performance.now());
      channel.port2.postMessage(0);
    });
  });
  const probe = { usable: null, watched: null, swaps: 0 };
  window.probe = probe;

  probe.usable = new Promise((tell) => {
    document.addEventListener("DOMContentLoaded", () => setTimeout(async () => tell(await painted())));
  });
  probe.navigation = () => {
    const [found] = performance.getEntriesByType("navigation");
    return { server: found.responseEnd, encoded: found.encodedBodySize };
  };

  let began = 0;
  for (const type of ["pointerdown", "keydown", "input"]) {
    document.addEventListener(type, (event) => { began ||= event.timeStamp; }, true);
  }

  probe.begin = () => { began = performance.now(); };

  // Resolves once it holds and is painted.
  probe.watch = (holds) => {
    began = 0;
    performance.clearResourceTimings();
    probe.watched = new Promise((tell) => {
      const observer = new MutationObserver(async () => {
        if (!holds()) return;
        observer.disconnect();
        const ended = await painted();
        const [request] = performance.getEntriesByType("resource").filter((each) => each.initiatorType === "fetch").slice(-1);
        tell({
          took: ended - began,
          request: request.responseEnd - request.startTime,
          encoded: request.encodedBodySize,
          decoded: request.decodedBodySize,
        });
      });
      observer.observe(document, { subtree: true, childList: true, attributes: true });
    });
  };

  probe.scroll = (to) => document.querySelector("[data-chart]").scrollTo({ top: to });

  let gaps = [];
  let last = 0;
  const frame = (now) => {
    if (last) gaps.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  probe.frames = () => {
    const found = gaps;
    if (!last) requestAnimationFrame(frame);
    gaps = [];
    return found;
  };

  let tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask", buffered: true });
  probe.longTasks = () => {
    const found = tasks;
    tasks = [];
    return found;
  };
  document.addEventListener("htmx:after:swap", () => { probe.swaps += 1; }, true);
})();
