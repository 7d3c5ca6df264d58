// The ticket leaves the address before anything is loaded: no history, no extension and no later page finds it there.
const { hash, pathname, search } = location;
history.replaceState(null, '', pathname + search);
// Another link in this tab changes the fragment alone.
addEventListener('hashchange', () => location.reload());

try {
  const { default: load, start } = await import('./lull_web.js');
  await load();
  const app = document.getElementById('app');
  app.replaceChildren();
  start(app, hash.slice(1));
} catch {
  document.getElementById('broken')?.removeAttribute('hidden');
}
