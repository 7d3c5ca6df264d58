// Starts the popup's wasm.
import init from './pkg/popup/lull_popup.js';

init({ module_or_path: new URL('./pkg/popup/lull_popup_bg.wasm', import.meta.url) });
