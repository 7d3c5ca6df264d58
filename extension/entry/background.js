// What a browser insists on having in JavaScript: listeners that exist before the first await, and the
// start of the wasm module. Whatever arrives before that has started waits in one queue.
import init, { happened } from './pkg/background/lull_background.js';

const early = [];
let tell = (...what) => early.push(what);

chrome.runtime.onConnect.addListener((port) => {
  tell('connect', port);
  port.onMessage.addListener((message) => tell('message', port, message));
  port.onDisconnect.addListener(() => tell('disconnect', port));
});
chrome.runtime.onInstalled.addListener((details) => tell('installed', details.reason));
chrome.runtime.onStartup.addListener(() => tell('startup'));
chrome.alarms.onAlarm.addListener(() => tell('alarm'));
chrome.permissions.onAdded.addListener(() => tell('permission'));
chrome.permissions.onRemoved.addListener(() => tell('permission'));
const listenToIdle = () => chrome.idle.onStateChanged.addListener(() => tell('idle'));
if (chrome.runtime.getURL('').startsWith('moz-extension:')) {
  // A listener that is there at the start wakes the background in Firefox: at once, whenever that ends while nobody
  // is at the keyboard, again and again. One that comes a while after the page has loaded wakes nothing.
  addEventListener('load', () => setTimeout(() => {
    listenToIdle();
    tell('idle');
  }, 1000));
} else {
  listenToIdle();
}
// Notifications exist once the person has allowed them.
const called = () => tell('called');
const listenToNotifications = () => chrome.notifications?.onClicked.addListener(called);
listenToNotifications();
chrome.permissions.onAdded.addListener(listenToNotifications);
chrome.storage?.managed?.onChanged?.addListener(() => tell('policy'));

init().then(() => {
  tell = happened;
  for (const what of early.splice(0)) happened(...what);
});
