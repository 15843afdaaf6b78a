// Keeps an order's page as the server would show it now. A stream tells that something happened; every word still comes
// from the server, as the page itself. Where there is no stream, the page is asked for every three seconds.
"use strict";

const TICK_MS = 3_000;
// With a stream too: for the times on the page, and in case the stream is dead and nobody noticed.
const CALM_TICKS = 5;
// After a refusal the stream is asked for again.
const REFUSED_TICKS = 10;
const ASK_LIMIT_MS = 10_000;
const FOCUSABLE = "a[href], button, input, select, summary, textarea";

const { events } = document.currentScript.dataset;
let { newest } = document.currentScript.dataset;
let stream, clock;
let ticks = 0;
let asking = false;
let again = false;
let over = false;

// Stays when the rest is replaced, so that screen readers hear what changed.
const told = document.createElement("p");
told.className = "unseen";
told.setAttribute("role", "status");
document.body.append(told);

const headline = (main) => [...main.querySelectorAll(".hero .chip, .hero h1")].map((part) => part.textContent).join(". ");

// What the focus was on, found again among what came in its place.
const same = (old) => (element) => element.tagName === old.tagName && element.id === old.id && element.name === old.name &&
  (old.id !== "" || element.textContent === old.textContent);

const show = (fresh) => {
  const script = fresh.querySelector("script[data-events]");
  over = script === null;
  newest = script?.dataset.newest;
  const [main, replacement] = [document, fresh].map((page) => page.querySelector("main"));
  if (replacement === null || main.innerHTML === replacement.innerHTML) return;
  const before = headline(main);
  const focused = main.contains(document.activeElement) ? document.activeElement : null;
  const [left, top] = [scrollX, scrollY];
  main.replaceChildren(...replacement.childNodes);
  document.title = fresh.title;
  if (focused !== null && focused !== main) {
    const heir = [...main.querySelectorAll(FOCUSABLE)].find(same(focused)) ?? main;
    if (heir === main) main.tabIndex = -1;
    heir.focus({ preventScroll: true });
  }
  scrollTo(left, top);
  if (headline(main) !== before) told.textContent = headline(main);
};

const refresh = async () => {
  again = true; // what is on its way may be older than what was just told
  if (asking) return;
  asking = true;
  try {
    while (again && !over) {
      again = false;
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(ASK_LIMIT_MS) });
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    // Nobody answers just now. The next tick asks again.
  }
  asking = false;
  if (over) rest();
};

const listen = () => {
  stream?.close();
  stream = new EventSource(events);
  stream.addEventListener("status", (event) => {
    if (event.lastEventId !== newest) refresh();
  });
  stream.addEventListener("end", () => {
    stream.close();
    refresh();
  });
};

const tick = () => {
  ticks += 1;
  if (stream.readyState !== EventSource.OPEN || ticks % CALM_TICKS === 0) refresh();
  if (stream.readyState === EventSource.CLOSED && ticks % REFUSED_TICKS === 0 && !over) listen();
};

const begin = () => {
  listen();
  clock = setInterval(tick, TICK_MS);
};

const rest = () => {
  stream.close();
  clearInterval(clock);
};

// A browser has few connections to one host, so a page that nobody sees gives its own back.
document.addEventListener("visibilitychange", () => {
  if (over) return;
  rest();
  if (!document.hidden) {
    begin();
    refresh();
  }
});

begin();
