// Charts: Plotly, inflated when the first chart comes near the screen; colours of the page; arrow keys.
(() => {
  'use strict';
  const figures = [...document.querySelectorAll('.chart')].filter(f => f.querySelector('script'));
  const packed = document.getElementById('plotly');
  if (!figures.length || !packed || !('DecompressionStream' in window)) return;

  let loading = null;
  const load = () => loading ??= (async () => {
    const bytes = Uint8Array.from(atob(packed.textContent), c => c.charCodeAt(0));
    const script = document.createElement('script');
    const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    script.textContent = await new Response(inflated).text();
    packed.remove();
    document.head.append(script);
    if (!window.Plotly) throw new Error('the charts cannot be drawn here');
  })();

  // The colours of classes are made for areas; as a line on the page's ground some need to be darker, or lighter.
  const linear = v => v <= .04045 ? v/12.92 : ((v + .055)/1.055)**2.4;
  const lum = rgb => rgb.map(v => linear(v/255)).reduce((sum, v, i) => sum + v*[.2126, .7152, .0722][i], .05);
  const ofHex = name => [1, 3, 5].map(i => parseInt(styles.getPropertyValue(name).trim().slice(i, i + 2), 16));
  const readable = rgb => {
    const ground = lum(ofHex('--ground')), ink = ofHex('--ink');
    for (let share = 0; share < .7; share += .05) {
      const mixed = rgb.map((v, i) => Math.round(v + share*(ink[i] - v)));
      const [a, b] = [lum(mixed), ground].sort((x, y) => y - x);
      if (a/b >= 2.5) return `rgb(${mixed})`;
    }
    return `rgb(${ink})`;
  };

  // 'var(--ours)' becomes the colour that it stands for now
  const colored = value => {
    const rgb = typeof value === 'string' && value.match(/^rgb\((\d+), (\d+), (\d+)\)$/);
    if (rgb) return readable(rgb.slice(1).map(Number));
    if (typeof value === 'string') {
      return value.replace(/var\((--[a-z0-9]+)\)/g, (_, name) => styles.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) return value.length > 400 ? value : value.map(colored);
    if (!value || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, colored(v)]));
  };
  let styles = getComputedStyle(document.documentElement);
  const axis = {
    gridcolor: 'var(--line)', linecolor: 'var(--line)', tickcolor: 'var(--line)', zerolinecolor: 'var(--line)',
    automargin: true,
  };
  const look = {
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: {family: 'system-ui, sans-serif', size: 12, color: 'var(--soft)'},
    margin: {l: 44, r: 14, t: 12, b: 40},
    hoverlabel: {
      bgcolor: 'var(--card)', bordercolor: 'var(--line)', font: {color: 'var(--ink)', size: 12.5}, namelength: -1,
    },
    modebar: {bgcolor: 'rgba(0,0,0,0)', color: 'var(--soft)', activecolor: 'var(--ours)', orientation: 'h'},
    legend: {orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: {color: 'var(--ink)'}},
  };
  const coarse = matchMedia('(pointer: coarse)').matches;
  const isMap = v => v && typeof v === 'object' && !Array.isArray(v);
  const merged = (a, b) => {
    const out = {...a};
    for (const [k, v] of Object.entries(b)) out[k] = isMap(v) && out[k] ? merged(out[k], v) : v;
    return out;
  };

  const draw = figure => {
    const chart = figure.carparts ??= JSON.parse(figure.querySelector('script').textContent);
    const live = figure.querySelector('.live');
    const layout = merged(look, chart.layout);
    for (const k of Object.keys(layout)) if (/^[xy]axis/.test(k)) layout[k] = merged(axis, layout[k]);
    if (coarse) layout.margin = {...layout.margin, t: 58};  // the buttons stay in sight, above the legend
    layout.dragmode = coarse ? false : 'zoom';
    live.hidden = false;
    figure.classList.add('drawn');
    if (live.clientWidth < 560 && layout.legend.orientation === 'v') {  // no room for a legend beside the chart
      const rows = Math.ceil(chart.data.filter(d => d.showlegend !== false).length/2)*19;
      layout.legend = {
        ...layout.legend, orientation: 'h', x: 0, xanchor: 'left', y: 1, yanchor: 'bottom',
        entrywidth: .48, entrywidthmode: 'fraction',
      };
      live.style.height = chart.height + rows + 'px';
    } else live.style.height = '';
    if (live.clientWidth < 560 && chart.data[0].type === 'heatmap') {  // no room for a scale, and little for names
      chart.data[0].showscale = false;
      layout.xaxis = {...layout.xaxis, tickangle: -90, tickfont: {...layout.xaxis.tickfont, size: 9}};
      layout.yaxis = {...layout.yaxis, tickfont: {...layout.yaxis.tickfont, size: 10}};
      live.style.height = '480px';
    }
    // The buttons are named one by one: left to itself, Plotly adds one that sends the chart to a server.
    const config = {
      responsive: true, displaylogo: false, displayModeBar: coarse ? true : 'hover', doubleClick: 'reset',
      plotlyServerURL: '',
      modeBarButtons: [...(coarse ? [] : [['zoom2d', 'pan2d']]), ['zoomIn2d', 'zoomOut2d', 'resetScale2d']],
    };
    return Plotly.react(live, colored(chart.data), colored(layout), config);
  };

  // Arrow keys: from value to value and from line to line; plus, minus and 0: zoom.
  const keys = (figure, e) => {
    const live = figure.querySelector('.live'), state = figure.at ??= {curve: 0, point: -1};
    const length = d => d.type === 'heatmap' ? d.z.length*d.z[0].length : (d.y || d.x).length;
    const seen = d => d.visible !== 'legendonly' && d.hoverinfo !== 'skip';
    const lines = live.data.map((d, i) => ({d, i, n: length(d)})).filter(l => l.n && seen(l.d));
    if (!lines.length) return;
    const step = {ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0]}[e.key];
    if (step) {
      const first = lines[0], columns = first.d.type === 'heatmap' ? first.d.z[0].length : 0;
      if (columns) {
        const next = state.point < 0 ? 0 : state.point + step[0]*columns + step[1];
        state.point = Math.max(0, Math.min(first.n - 1, next));
      } else {
        state.curve = (state.curve + step[0] + lines.length) % lines.length;
        const next = state.point + (step[0] && state.point >= 0 ? 0 : step[1] || 1);
        state.point = Math.max(0, Math.min(lines[state.curve].n - 1, next));
      }
      const line = lines[columns ? 0 : state.curve];
      const pointNumber = columns ? [Math.floor(state.point/columns), state.point % columns] : state.point;
      Plotly.Fx.hover(live, [{curveNumber: line.i, pointNumber}]);
    } else if (e.key === '0') Plotly.relayout(live, {'xaxis.autorange': true, 'yaxis.autorange': true});
    else if ('+-='.includes(e.key)) {
      const [a, b] = live.layout.xaxis.range, middle = (a + b)/2, half = (b - a)/2*(e.key === '-' ? 1.5 : 1/1.5);
      Plotly.relayout(live, {'xaxis.range': [middle - half, middle + half]});
    } else if (e.key === 'Escape') Plotly.Fx.unhover(live);
    else return;
    e.preventDefault();
  };

  const drawn = new Set();
  const near = new IntersectionObserver(async seen => {
    for (const {target, isIntersecting} of seen) {
      if (!isIntersecting || drawn.has(target)) continue;
      near.unobserve(target); drawn.add(target);
      try {
        await load();
        await draw(target);
      } catch (e) {
        target.classList.remove('drawn');
        target.querySelector('.live').hidden = true;
        throw e;
      }
      target.querySelector('.live').addEventListener('keydown', e => keys(target, e));
      target.dataset.ready = 'yes';
    }
  }, {rootMargin: '500px'});
  figures.forEach(f => near.observe(f));
  document.addEventListener('themechange', () => drawn.forEach(f => { if (f.dataset.ready) draw(f); }));
})();
