// One photograph at a time: sent to the service, its parts drawn over it as shapes.
(() => {
  'use strict';
  const $ = id => document.getElementById(id), model = JSON.parse($('model').textContent), NS = 'http://www.w3.org/2000/svg';
  const svg = $('svg'), tip = $('tip'), index = new Map(model.classes.map((c, i) => [c, i]));
  let file = null, threshold = null, found = null, shapes = [], current = -1, running = null, hidden = new Set(), token = '', address = null;
  try { token = sessionStorage.getItem('carparts-token') || ''; } catch { /* a page without storage asks again */ }

  const complain = words => { $('problem').textContent = words || ''; $('problem').hidden = !words; };
  const say = words => { $('state').textContent = words; };
  const percent = (v, digits = 0) => v > 0 && v < .0005 ? '<0.1 %' : (100*v).toFixed(digits) + ' %';
  const swatch = i => { const s = document.createElement('i'); s.className = `swatch c${i} ${model.textures[i]}`; return s; };
  const size = bytes => (bytes/1e6).toFixed(bytes < 1e7 ? 1 : 0) + ' MB';

  // Asking the service; an answer that is none becomes an Error in the service's words.
  const ask = async (format, signal) => {
    const form = new FormData();
    form.append('image', file, file.name || 'pasted picture');
    form.append('format', format);
    if (threshold !== null) form.append('threshold', threshold);
    let r;
    try { r = await fetch('predict', {method: 'POST', body: form, signal, headers: token ? {Authorization: 'Bearer ' + token} : {}}); }
    catch (e) { if (e.name === 'AbortError') throw e; throw new Error('The service does not answer. Is it still running?'); }
    if (r.ok) return r;
    let words = 'The service answers with status ' + r.status;
    try { words = (await r.json()).detail; } catch { /* not from the service itself */ }
    const e = new Error(words); e.status = r.status;
    throw e;
  };

  // From runs down the columns of the picture to a mask of the size that is shown, nearest pixel.
  const decode = (rle, height, width, H, W) => {
    const mask = new Uint8Array(H*W), shown = new Int32Array(width).fill(-1), first = new Int32Array(height + 1);
    for (let x = 0; x < W; x++) shown[Math.floor((x + .5)*width/W)] = x;
    for (let y = 0, row = 0; row <= height; row++) { while (y < H && Math.floor((y + .5)*height/H) < row) y++; first[row] = y; }
    const runs = rle.split(' ');
    for (let i = 0; i + 1 < runs.length; i += 2) {
      let at = runs[i] - 1, end = at + +runs[i + 1];
      while (at < end) {
        const x = Math.floor(at/height), stop = Math.min(end, (x + 1)*height), X = shown[x];
        if (X >= 0) for (let y = first[at - x*height]; y < first[stop - x*height]; y++) mask[y*W + X] = 1;
        at = stop;
      }
    }
    return mask;
  };

  // The edge of a mask along the edges of its pixels, as mask_path in carparts_seg.layers makes it.
  const edge = (mask, H, W, unit) => {
    const xs = [], ys = [], at = (y, x) => y < 0 || x < 0 || y >= H || x >= W ? 0 : mask[y*W + x];
    for (let y = 0; y <= H; y++) for (let x = 0; x <= W; x++) {
      const a = at(y - 1, x - 1), b = at(y - 1, x), c = at(y, x - 1), d = at(y, x), n = a + b + c + d;
      const times = n === 1 || n === 3 ? 1 : n === 2 && a === d ? 2 : 0;
      for (let k = 0; k < times; k++) { xs.push(x*unit); ys.push(y*unit); }
    }
    const down = xs.map((_, i) => i).sort((i, j) => xs[i] - xs[j] || ys[i] - ys[j] || i - j), along = new Int32Array(xs.length), done = new Uint8Array(xs.length), out = [];
    down.forEach((i, k) => { along[i] = down[k ^ 1]; });
    for (let start = 0; start < xs.length; start++) {
      if (done[start]) continue;
      let i = start;
      const steps = [`M${xs[i]} ${ys[i]}`];
      while (!done[i]) {
        const j = i ^ 1, k = along[j];
        done[i] = done[j] = 1;
        steps.push(`h${xs[j] - xs[i]}v${ys[k] - ys[j]}`);
        i = k;
      }
      out.push(steps.join('') + 'z');
    }
    return out.join('');
  };

  const mark = shape => {
    for (const s of shapes) { s.path.classList.toggle('on', s === shape); s.button.classList.toggle('on', s === shape); }
  };
  const hide = () => { tip.hidden = true; mark(null); };
  const tell = (parts, x, y) => {
    const row = document.createElement('div'), words = document.createElement('span');
    parts.forEach((s, i) => {
      const name = document.createElement(i ? 'span' : 'b');
      name.textContent = `${model.names[s.index]}, ${percent(s.part.score)}`;
      words.append(i ? ', over ' : '', swatch(s.index), name);
    });
    if (!parts.length) words.textContent = 'no part';
    row.append(words); tip.replaceChildren(row); tip.hidden = false;
    const r = tip.getBoundingClientRect(), gap = 16;
    tip.style.left = Math.max(4, Math.min(x + gap, innerWidth - r.width - 4)) + 'px';
    tip.style.top = (y + gap + r.height > innerHeight ? Math.max(4, y - gap - r.height) : y + gap) + 'px';
    mark(parts[0] || null);
  };
  const toScreen = (X, Y) => { const b = svg.getBoundingClientRect(); return [b.left + (X + .5)*b.width/view.W, b.top + (Y + .5)*b.height/view.H]; };
  const view = {H: 1, W: 1};
  const pointer = e => {
    const b = svg.getBoundingClientRect(), x = Math.floor((e.clientX - b.left)*view.W/b.width), y = Math.floor((e.clientY - b.top)*view.H/b.height);
    if (x < 0 || y < 0 || x >= view.W || y >= view.H) return hide();
    tell(shapes.filter(s => !hidden.has(s.part.name) && s.mask[y*view.W + x]).sort((s, t) => s.part.area - t.part.area), e.clientX, e.clientY);
  };
  svg.addEventListener('pointermove', pointer);
  svg.addEventListener('pointerdown', pointer);
  svg.addEventListener('pointerleave', e => { if (e.pointerType === 'mouse') hide(); });
  svg.addEventListener('blur', () => { current = -1; hide(); });
  svg.addEventListener('keydown', e => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key], seen = shapes.filter(s => !hidden.has(s.part.name));
    if (e.key === 'Escape') { current = -1; return hide(); }
    if (!step || !seen.length) return;
    e.preventDefault();
    current = (Math.min(current, seen.length - 1) + step + (current < 0 && step < 0) + seen.length) % seen.length;
    tell([seen[current]], ...toScreen(...seen[current].inside));
  });
  addEventListener('scroll', () => { tip.hidden = true; }, {passive: true});

  // Somewhere inside a mask: the middle of its longest run in a row.
  const inside = mask => {
    let best = [0, 0], longest = 0;
    for (let y = 0; y < view.H; y++) for (let x = 0, run = 0; x < view.W; x++) {
      run = mask[y*view.W + x] ? run + 1 : 0;
      if (run > longest) { longest = run; best = [x - Math.floor(run/2), y]; }
    }
    return best;
  };

  const draw = () => {
    const {height, width, parts} = found, scale = Math.min(1, 1024/Math.max(height, width));
    view.H = Math.max(1, Math.round(height*scale)); view.W = Math.max(1, Math.round(width*scale));
    const unit = Math.max(1, Math.floor(512/Math.max(view.H, view.W)));
    svg.setAttribute('viewBox', `0 0 ${view.W*unit} ${view.H*unit}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    $('picture').style.setProperty('--ratio', width/height); $('frame').style.setProperty('--ratio', width/height);
    shapes = parts.map(part => {
      const mask = decode(part.rle_mask, height, width, view.H, view.W), path = document.createElementNS(NS, 'path'), i = index.get(part.name);
      path.setAttribute('class', 'c' + i); path.setAttribute('d', edge(mask, view.H, view.W, unit)); path.dataset.name = part.name;
      path.classList.toggle('off', hidden.has(part.name));
      return {part, mask, path, index: i, inside: inside(mask), button: listed(part, i, height*width)};
    });
    $('layers').replaceChildren(...[...shapes].sort((s, t) => t.part.area - s.part.area).map(s => s.path));
    $('found').replaceChildren(...shapes.map(s => { const li = document.createElement('li'); li.append(s.button); return li; }));
    for (const s of shapes) {
      const on = () => mark(s), off = () => mark(null);
      s.button.addEventListener('pointerenter', on); s.button.addEventListener('focus', on); s.button.addEventListener('pointerleave', off); s.button.addEventListener('blur', off);
      s.button.addEventListener('click', () => {
        const gone = !hidden.has(s.part.name);
        hidden[gone ? 'add' : 'delete'](s.part.name);
        s.path.classList.toggle('off', gone); s.button.setAttribute('aria-pressed', !gone);
      });
    }
    const names = parts.map(p => model.names[index.get(p.name)]);
    svg.setAttribute('aria-label', parts.length ? `Parts found: ${names.join(', ')}. Arrow keys go from part to part.` : 'No part found.');
    $('found-head').hidden = $('hint').hidden = !parts.length;
    current = -1; hide();
  };
  const listed = (part, i, pixels) => {
    const b = document.createElement('button'), name = document.createElement('span'), score = document.createElement('span'), area = document.createElement('span');
    b.type = 'button'; b.setAttribute('aria-pressed', !hidden.has(part.name));
    name.textContent = model.names[i]; score.textContent = percent(part.score); area.textContent = percent(part.area/pixels, 1);
    score.className = area.className = 'number';
    b.append(swatch(i), name, score, area);
    b.setAttribute('aria-label', `${model.names[i]}, score ${percent(part.score)}, ${percent(part.area/pixels, 1)} of the picture`);
    return b;
  };

  const look = async () => {
    if (running) running.abort();
    const mine = running = new AbortController(), start = performance.now();
    complain(''); say('Looking for parts …'); document.body.classList.add('busy');
    try {
      const answer = await (await ask('rle', mine.signal)).json();
      if (mine !== running) return;
      found = answer.pictures[0];
      $('drop').hidden = true; $('token').hidden = true; $('result').hidden = false;
      draw();
      say(`${found.file}: ${found.width} x ${found.height} pixels, ${found.parts.length || 'no'} part${found.parts.length === 1 ? '' : 's'}, ${((performance.now() - start)/1000).toFixed(2)} s`);
    } catch (e) {
      if (mine !== running || e.name === 'AbortError') return;
      say('');
      if (e.status === 401) { if (token) complain('That token is not the right one.'); token = ''; $('token').hidden = false; $('secret').focus(); return; }
      complain(e.message);
      if (!found) { $('result').hidden = true; $('drop').hidden = false; }
    } finally { if (mine === running) { running = null; document.body.classList.remove('busy'); } }
  };

  const show = () => { $('threshold').value = threshold ?? model.threshold ?? .5; $('threshold-value').textContent = threshold !== null ? (+threshold).toFixed(2) : model.threshold === null ? 'by class' : model.threshold.toFixed(2); $('reset').hidden = threshold === null; };
  const take = chosen => {
    if (!chosen) return;
    if (running) { running.abort(); running = null; document.body.classList.remove('busy'); }
    file = chosen; found = null; hidden = new Set(); shapes = [];
    $('layers').replaceChildren(); $('found').replaceChildren(); $('result').hidden = true; hide(); say('');
    if (file.size > model.max_bytes - 2000) { $('drop').hidden = false; file = null; return complain(`${chosen.name} has ${size(chosen.size)}; this service takes ${size(model.max_bytes)} at most.`); }
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(file);
    $('frame').classList.remove('blank'); $('image').hidden = false;
    $('image').src = address; $('image').alt = file.name || 'pasted picture';
    look();
  };
  // A kind of picture that the service reads and the browser doesn't, such as TIFF: the parts are drawn without it.
  $('image').addEventListener('error', () => { $('image').hidden = true; $('frame').classList.add('blank'); });

  document.querySelectorAll('.choose').forEach(b => b.addEventListener('click', () => $('file').click()));
  $('file').addEventListener('change', e => { take(e.target.files[0]); e.target.value = ''; });
  const files = e => e.dataTransfer && [...e.dataTransfer.types].includes('Files');
  let depth = 0;
  addEventListener('dragenter', e => { if (files(e)) { e.preventDefault(); depth++; document.body.classList.add('over'); } });
  addEventListener('dragleave', e => { if (files(e) && --depth <= 0) { depth = 0; document.body.classList.remove('over'); } });
  addEventListener('dragover', e => { if (files(e)) e.preventDefault(); });
  addEventListener('drop', e => { if (!files(e)) return; e.preventDefault(); depth = 0; document.body.classList.remove('over'); take(e.dataTransfer.files[0]); });
  addEventListener('paste', e => {
    const pasted = [...(e.clipboardData ? e.clipboardData.files : [])];
    if (pasted.length) { e.preventDefault(); take(pasted[0]); }
    else if (e.target !== $('secret')) complain('What was pasted is not a picture.');
  });

  let soon = null;
  $('threshold').addEventListener('input', e => { threshold = e.target.value; show(); clearTimeout(soon); soon = setTimeout(() => { if (file) look(); }, 150); });
  $('reset').addEventListener('click', () => { clearTimeout(soon); threshold = null; show(); $('threshold').focus(); if (file) look(); });
  $('opacity').addEventListener('input', e => { $('picture').style.setProperty('--opacity', e.target.value/100); });
  $('token').addEventListener('submit', e => {
    e.preventDefault();
    token = $('secret').value.trim(); $('secret').value = '';
    try { sessionStorage.setItem('carparts-token', token); } catch { /* kept for this page alone */ }
    if (file) look();
  });
  document.querySelectorAll('[data-save]').forEach(b => b.addEventListener('click', async () => {
    try {
      const kind = b.dataset.save, blob = await (await ask(kind)).blob(), a = document.createElement('a');
      a.href = URL.createObjectURL(blob);
      a.download = (file.name || 'picture').replace(/\.[^.]*$/, '') + {rle: '-parts.json', png: '-classes.png', overlay: '-drawing.png'}[kind];
      a.click();
      setTimeout(() => URL.revokeObjectURL(a.href), 10000);
    } catch (e) { complain(e.message); }
  }));
  show();
})();
