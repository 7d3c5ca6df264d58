// Starts the popup's wasm. The browser shows a popup once its page has loaded, and an import made here, unlike
// one at the top, does not hold that up.
import('./pkg/popup/lull_popup.js').then(({ default: init }) => init());
