// Light and dark, the section one is in, tables that sort.
(() => {
  'use strict';
  const root = document.documentElement, button = document.getElementById('theme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const kept = () => { try { return localStorage.getItem('carparts-theme'); } catch { return null; } };
  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : system.matches;
  const tell = () => { button.setAttribute('aria-pressed', dark()); document.dispatchEvent(new Event('themechange')); };
  if (kept()) root.dataset.theme = kept();
  button.hidden = false;
  tell();
  button.addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    try { localStorage.setItem('carparts-theme', root.dataset.theme); } catch { /* a page without storage forgets */ }
    tell();
  });
  system.addEventListener('change', tell);

  const links = new Map([...document.querySelectorAll('nav a')].map(a => [a.hash.slice(1), a]));
  const here = () => {
    let now = null;
    for (const [id, a] of links) {
      a.removeAttribute('aria-current');
      const s = document.getElementById(id);
      if (s && s.getBoundingClientRect().top < innerHeight*.4) now = a;
    }
    if (now) now.setAttribute('aria-current', 'true');
  };
  let waiting = false;
  addEventListener('scroll', () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; here(); });
  }, {passive: true});
  here();

  const value = cell => {
    const text = (cell.dataset.value ?? cell.textContent.trim()).replace(/^[<>]/, '');
    const number = parseFloat(text.replace(/[\s,%]/g, ''));
    if (text === '–' || text === '') return null;
    return Number.isFinite(number) && /^[-+.\d]/.test(text) ? number : text.toLowerCase();
  };
  const order = (a, b) => typeof a === 'string' ? a.localeCompare(b) : a - b;
  document.querySelectorAll('table.sortable').forEach(table => {
    const body = table.tBodies[0];
    table.querySelectorAll('thead th').forEach((th, column) => {
      const button = document.createElement('button');
      button.type = 'button'; button.append(...th.childNodes); th.append(button);
      button.addEventListener('click', () => {
        const now = th.getAttribute('aria-sort');
        const up = now ? now === 'descending' : th.classList.contains('text');
        table.querySelectorAll('th').forEach(t => t.removeAttribute('aria-sort'));
        th.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        const rows = [...body.rows].map(row => [value(row.cells[column]), row]);
        rows.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null);  // what is not known comes last
          return order(a, b)*(up ? 1 : -1);
        });
        body.append(...rows.map(([, row]) => row));
      });
    });
  });
})();
