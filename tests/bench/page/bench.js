// What the benchmark asks of a page of the extension. Times are milliseconds; those of `now` compare across
// pages and workers of one browser.
import init, { judge_urls, parse_urls, sign_results } from './lull_bench.js';

const now = () => performance.timeOrigin + performance.now();

/** The whole bodies of plain fetches: as simple as it gets, but not from the cache. */
async function plainFetch(urls) {
  const begun = now();
  let bytes = 0;
  for (const url of urls) bytes += (await (await fetch(url, { cache: 'no-store' })).arrayBuffer()).byteLength;
  return { ms: now() - begun, bytes };
}

/** The same, but no body is read before the browser has told which address answered. */
async function watchedFetch(urls) {
  const { onResponseStarted } = chrome.webRequest;
  const begun = now();
  let bytes = 0;
  for (const url of urls) {
    const { promise: told, resolve: tell } = Promise.withResolvers();
    onResponseStarted.addListener(tell, { urls: [url] });
    const response = await fetch(url, { cache: 'no-store' });
    await told;
    onResponseStarted.removeListener(tell);
    bytes += (await response.arrayBuffer()).byteLength;
  }
  return { ms: now() - begun, bytes };
}

/** Wakes the background and waits for the first view. */
function firstView() {
  return new Promise((done) => {
    const asked = now();
    const port = chrome.runtime.connect({ name: 'ui' });
    port.onMessage.addListener(() => {
      const heard = now();
      port.disconnect();
      done({ asked, heard });
    });
  });
}

/** Opens this page as the toolbar's popup and waits until its view is painted, then closes it. */
async function popup(path) {
  await chrome.action.setPopup({ popup: path });
  const asked = now();
  // Its promise may not settle in a headless browser.
  chrome.action.openPopup().catch(() => {});
  const page = await until(() => popups().find((popup) => popup.location.href !== 'about:blank'));
  const view = await viewPainted(page);
  const first = page.performance.getEntriesByName('first-contentful-paint')[0].startTime;
  const origin = page.performance.timeOrigin;
  page.close();
  await until(() => popups().length === 0);
  return { asked, first: origin + first, view: origin + view };
}

const popups = () => chrome.extension.getViews({ type: 'popup' });

/** Looks every millisecond until there is something: the browser tells no page of another one. */
async function until(look) {
  for (;;) {
    const found = look();
    if (found) return found;
    await new Promise((again) => setTimeout(again, 1));
  }
}

/** When the popup painted something that is not its skeleton. */
function viewPainted(page) {
  return new Promise((done) => {
    const observer = new page.PerformanceObserver((list) => {
      for (const paint of list.getEntries()) {
        if (paint.element && !paint.element.closest('.skeleton')) done(paint.startTime);
      }
    });
    observer.observe({ type: 'largest-contentful-paint', buffered: true });
  });
}

/** Milliseconds for so many signatures of results in wasm, and as many of equal length by WebCrypto. */
async function sign(count) {
  sign_results(count);
  let begun = now();
  const bytes = sign_results(count) / count;
  const wasm = now() - begun;
  const { privateKey } = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  const message = new Uint8Array(bytes);
  begun = now();
  for (let n = 0; n < count; n += 1) await crypto.subtle.sign('Ed25519', privateKey, message);
  return { wasm, webcrypto: now() - begun, bytes };
}

/** Milliseconds for so many rounds over the table of ordinary URLs: policy's decisions, then mere parsing. */
async function judge(rounds) {
  judge_urls(rounds);
  let begun = now();
  const decisions = judge_urls(rounds);
  const judged = now() - begun;
  parse_urls(rounds);
  begun = now();
  const urls = parse_urls(rounds);
  return { judged, decisions, parsed: now() - begun, urls };
}

await init();
globalThis.bench = { plainFetch, watchedFetch, firstView, popup, sign, judge };
document.title = 'ready';
