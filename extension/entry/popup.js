// Shows the wasm module that has the page: one has what a person who answers needs, the other all else. The browser
// shows a popup once its document has loaded, and an import made here, unlike one at the top, does not hold that up.
const seldom = /^#\/(activity|alibi|backup|bandwidth|consent|erase|facts|limits|receipt|settings|wallet|you)\b/;
const app = document.getElementById('app');
let shown;
// Only the backup page asks for it.
const loadBackup = async () => {
  const module = await import('./pkg/backup/lull_backup.js');
  await module.default();
  return module;
};

const show = async (event) => {
  const { hash } = location;
  const isSeldom = seldom.test(hash);
  const isShown = () => shown?.isSeldom === isSeldom;
  if (isShown()) return;
  // The page before stays until the other module is there.
  event?.stopImmediatePropagation();
  const module = await (isSeldom ? import('./pkg/pages/lull_popup.js') : import('./pkg/popup/lull_popup.js'));
  await module.default();
  if (isShown() || hash !== location.hash) return;
  const place = document.createElement('div');
  app.replaceChildren(place);
  // In this order the background is never without a page.
  module.show(place, !shown, loadBackup);
  shown?.module.hide();
  shown = { isSeldom, module };
};
addEventListener('hashchange', show);
show();
