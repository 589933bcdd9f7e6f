// Pictures with layers: what is under the mouse, which layers show, how opaque they are.
(() => {
  'use strict';
  const tip = document.getElementById('tip');
  const layers = ['truth', 'prediction'];

  // The names come from each shape's <title>; taken out, so that the browser doesn't show a second tip.
  const shapesOf = svg => [...svg.querySelectorAll('.layer path')].map(el => {
    const title = el.querySelector('title');
    const shape = {
      el, name: title.textContent, layer: el.parentNode.classList[1], swatch: el.classList[0],
      x: +el.dataset.x, y: +el.dataset.y,
    };
    title.remove();
    return shape;
  });

  const line = (what, found) => {
    const row = document.createElement('div'), label = document.createElement('span');
    label.className = 'what'; label.textContent = what; row.append(label);
    const words = document.createElement('span');
    found.forEach((s, i) => {
      const mark = document.createElement('i'), name = document.createElement(i ? 'span' : 'b');
      mark.className = 'swatch ' + s.swatch + ' ' + (textures[s.swatch] || '');
      name.textContent = s.name;
      words.append(i ? ', over ' : '', mark, name);
    });
    if (!found.length) words.textContent = 'no part';
    row.append(words);
    return row;
  };
  const textures = JSON.parse(document.getElementById('textures').textContent);

  const place = (x, y) => {
    tip.hidden = false;
    const r = tip.getBoundingClientRect(), gap = 16;
    tip.style.left = Math.max(4, Math.min(x + gap, innerWidth - r.width - 4)) + 'px';
    tip.style.top = (y + gap + r.height > innerHeight ? Math.max(4, y - gap - r.height) : y + gap) + 'px';
  };

  const start = figure => {
    const svg = figure.querySelector('svg');
    if (!svg) return;
    const shapes = shapesOf(svg);
    let marked = [], current = -1;
    const visible = s => figure.classList.contains('show-' + s.layer);
    const mark = found => {
      marked.forEach(s => s.el.classList.remove('on'));
      marked = found;
      marked.forEach(s => s.el.classList.add('on'));
    };
    const hide = () => { mark([]); tip.hidden = true; current = -1; };

    const at = (x, y) => {  // x, y in the picture; the shapes there, smaller ones first
      const point = svg.createSVGPoint(); point.x = x; point.y = y;
      return shapes.filter(s => s.el.isPointInFill(point)).reverse();
    };
    const show = (x, y) => {
      const found = at(x, y), rows = [];
      for (const layer of layers) {
        rows.push(line(layer === 'truth' ? 'Truth' : 'Prediction', found.filter(s => s.layer === layer)));
      }
      const wrong = found.filter(s => s.layer === 'disagreement');
      if (wrong.length) rows.push(line('', wrong));
      tip.replaceChildren(...rows);
      mark(found.filter(visible).slice(0, 1));
      const box = svg.getScreenCTM(), p = svg.createSVGPoint(); p.x = x; p.y = y;
      const q = p.matrixTransform(box);
      place(q.x, q.y);
    };
    const pointer = e => {
      const p = svg.createSVGPoint(); p.x = e.clientX; p.y = e.clientY;
      const q = p.matrixTransform(svg.getScreenCTM().inverse());
      show(q.x, q.y);
    };
    svg.addEventListener('pointermove', pointer);
    svg.addEventListener('pointerdown', pointer);
    svg.addEventListener('pointerleave', e => { if (e.pointerType === 'mouse') hide(); });
    svg.addEventListener('blur', hide);
    svg.addEventListener('keydown', e => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key], order = shapes.filter(visible);
      if (e.key === 'Escape') return hide();
      if (!step || !order.length) return;
      e.preventDefault();
      current = (current + step + (current < 0 && step < 0) + order.length) % order.length;
      show(order[current].x, order[current].y);
      mark([order[current]]);
    });
  };

  const figures = [...document.querySelectorAll('.picture')];
  figures.forEach(start);
  document.addEventListener('pointerdown', e => { if (!e.target.closest('.frame svg')) tip.hidden = true; });
  addEventListener('scroll', () => { tip.hidden = true; }, {passive: true});

  const set = (figure, layer, on) => {
    figure.classList.toggle('show-' + layer, on);
    figure.querySelectorAll(`button[data-layer="${layer}"]`).forEach(b => b.setAttribute('aria-pressed', on));
  };
  const fade = (figure, percent) => {
    figure.style.setProperty('--opacity', percent/100);
    figure.querySelectorAll('input[type=range]').forEach(r => { r.value = percent; });
  };
  document.querySelectorAll('.toolbar').forEach(bar => {
    bar.hidden = false;
    const own = bar.closest('.picture'), mine = own ? [own] : figures;
    bar.addEventListener('click', e => {
      const button = e.target.closest('button');
      if (!button) return;
      const on = button.getAttribute('aria-pressed') !== 'true';
      mine.forEach(f => set(f, button.dataset.layer, on));
      if (own) return;
      const same = `.toolbar.all button[data-layer="${button.dataset.layer}"]`;
      document.querySelectorAll(same).forEach(b => b.setAttribute('aria-pressed', on));
    });
    bar.addEventListener('input', e => {
      mine.forEach(f => fade(f, e.target.value));
      if (!own) document.querySelectorAll('.toolbar.all input').forEach(r => { r.value = e.target.value; });
    });
  });
})();
