/* The charts of Cluster Usage, drawn by uPlot from the JSON beside them; anew after a live
   update, in another theme and at another width. */
(() => {
  'use strict';
  const A = window.Aoli;
  const root = document.documentElement;
  let drawn = [];

  function colour(name) {
    return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  }
  function alpha(hex, share) {
    return (
      hex +
      Math.round(share * 255)
        .toString(16)
        .padStart(2, '0')
    );
  }
  const DAY = 86400;
  const COUNTS = []; /* devices come in fours and eights */
  for (let n = 1; n <= 65536; n *= 2) COUNTS.push(n);
  function axes(unit, days) {
    const text = colour('text-3');
    const line = { stroke: colour('line'), width: 1 };
    const font = `11px ${colour('sans')}`;
    return [
      {
        stroke: text,
        grid: { show: false },
        ticks: line,
        font,
        values: times,
        size: 28,
        incrs: days > 3 ? [DAY, 2 * DAY, 5 * DAY] : undefined,
        space: 64,
      },
      {
        stroke: text,
        grid: line,
        ticks: { show: false },
        font,
        size: 48,
        incrs: unit ? [50, 100] : COUNTS,
        space: 24 /* the unit is at the top alone */,
        values(_, all) {
          return all.map((v, n) => (v % 1 ? '' : v + (n === all.length - 1 ? unit : '')));
        },
      },
    ];
  }
  function times(u, splits, _axis, _space, step) {
    return splits.map((at) => {
      const options =
        step >= DAY
          ? { month: 'short', day: 'numeric' }
          : { hour: '2-digit', minute: '2-digit', hour12: false };
      return new Intl.DateTimeFormat(
        root.lang,
        Object.assign({ timeZone: A.zone }, options),
      ).format(new Date(at * 1000));
    });
  }
  function tooltip(rows) {
    const tip = document.createElement('div');
    tip.className = 'tip plot-tip';
    tip.hidden = true;
    return {
      hooks: {
        init(u) {
          u.over.appendChild(tip);
        },
        setCursor(u) {
          const at = u.cursor.idx;
          if (at === null || at === undefined) {
            tip.hidden = true;
            return;
          }
          tip.hidden = false;
          tip.textContent = '';
          rows(at).forEach((text, n) => {
            const line = document.createElement(n ? 'div' : 'b');
            line.textContent = text;
            tip.appendChild(line);
          });
          const left = u.cursor.left;
          const right = left > u.over.clientWidth / 2;
          tip.style.left = right ? 'auto' : `${left + 12}px`;
          tip.style.right = right ? `${u.over.clientWidth - left + 12}px` : 'auto';
          tip.style.top = '4px';
        },
      },
    };
  }
  function when(at) {
    return new Intl.DateTimeFormat(root.lang, {
      timeZone: A.zone,
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
    }).format(new Date(at * 1000));
  }
  function span(data) {
    return (data.times.length * data.step_s) / DAY;
  }
  function shown(value) {
    return String(Math.round(value * 100) / 100);
  }

  function options(node, more) {
    return Object.assign(
      {
        tzDate: A.zone
          ? function (at) {
              return uPlot.tzDate(new Date(at * 1000), A.zone);
            }
          : undefined,
        width: node.clientWidth,
        height: node.clientHeight,
        padding: [8, 12, 0, 0],
        legend: { show: false },
        cursor: {
          y: false,
          sync: { key: 'usage' },
          drag: { x: false, y: false },
          points: { show: false },
        },
      },
      more,
    );
  }
  const stepped = uPlot.paths.stepped({ align: 1 });

  /* Who held how many over time: the users, and all others in one. */
  function holders(data) {
    const all = data.users.concat(data.others ? [{ username: '…', held: data.others }] : []);
    return { names: all.map((user) => user.username), parts: all.map((user) => user.held) };
  }
  function held(node, data) {
    const who = holders(data);
    const names = who.names;
    const parts = who.parts;
    const sums = [];
    let total = data.times.map(() => 0);
    parts.forEach((values) => {
      total = total.map((sum, n) => sum + values[n]);
      sums.push(total);
    });
    /* The tallest sum first: each later one is painted over it. */
    const series = [{}];
    const columns = [data.times];
    const thick =
      node.clientWidth / data.times.length > 6; /* else a line between would be all of it */
    sums
      .map((sum, n) => ({ sum, tone: n === 7 || names[n] === '…' ? 'c8' : `c${n + 1}` }))
      .reverse()
      .forEach((one) => {
        columns.push(one.sum);
        series.push({
          stroke: colour('surface'),
          width: thick ? 1 : 0,
          fill: colour(one.tone),
          paths: stepped,
          points: { show: false },
        });
      });
    columns.push(data.times.map(() => data.quota));
    series.push({ stroke: colour('l8'), width: 1.5, dash: [5, 4], points: { show: false } });
    const top = Math.max.apply(null, total.concat([data.quota, 1]));
    return new uPlot(
      options(node, {
        axes: axes('', span(data)),
        series,
        scales: { x: { time: true }, y: { range: [0, top * 1.06] } },
        plugins: [
          tooltip((at) =>
            [when(data.times[at])].concat(
              names
                .map((name, n) => [name, parts[n][at]])
                .filter((pair) => pair[1] > 0)
                .map((pair) => `${pair[0]} ${shown(pair[1])}`),
            ),
          ),
        ],
      }),
      columns,
      node,
    );
  }
  function allocated(node, data) {
    const share = data.allocated.map((n) => (data.devices ? (100 * n) / data.devices : 0));
    return new uPlot(
      options(node, {
        axes: axes('%', span(data)),
        scales: {
          x: { time: true },
          y: { range: [0, Math.max.apply(null, share.concat([100])) * 1.06] },
        },
        series: [
          {},
          {
            stroke: colour('l1'),
            width: 1.5,
            fill: alpha(colour('l1'), 0.1),
            paths: stepped,
            points: { show: false },
          },
        ],
        plugins: [
          tooltip((at) => [
            when(data.times[at]),
            `${shown(data.allocated[at])} / ${data.devices} (${Math.round(share[at])}%)`,
          ]),
        ],
      }),
      [data.times, share],
      node,
    );
  }
  /* The same as numbers, newest first: whoever does not see a chart asks for it at its head. */
  const asTable = {};
  function table(node, data, button) {
    const sums = node.dataset.chart === 'allocated';
    const box = document.createElement('table');
    const shows = sums
      ? { names: [button.dataset.allocated], parts: [data.allocated] }
      : holders(data);
    box.className = 'tbl';
    function line(tag, cells, parent) {
      const row = parent.insertRow();
      cells.forEach((text, n) => {
        const cell = document.createElement(tag);
        if (n) cell.className = 'r num';
        if (tag === 'th') cell.scope = 'col';
        cell.textContent = text;
        row.append(cell);
      });
    }
    line('th', [button.dataset.time].concat(shows.names), box.createTHead());
    const rows = box.createTBody();
    data.times.forEach((_, n) => {
      const at = data.times.length - 1 - n;
      line(
        'td',
        [when(data.times[at])].concat(
          shows.parts.map((values) => shown(values[at]) + (sums ? ` / ${data.devices}` : '')),
        ),
        rows,
      );
    });
    node.append(box);
  }
  function draw() {
    clear();
    const source = document.getElementById('usage-data');
    if (!source) return;
    const data = JSON.parse(source.textContent);
    A.$all('[data-chart]').forEach((node) => {
      const name = node.dataset.chart;
      const button = A.$(`[data-as-table=${name}]`);
      button.hidden = false;
      button.setAttribute('aria-pressed', String(!!asTable[name]));
      node.classList.toggle('tblw', !!asTable[name]);
      if (asTable[name]) {
        node.removeAttribute('role');
        node.tabIndex = 0;
        table(node, data, button);
        return;
      }
      node.setAttribute('role', 'img');
      node.removeAttribute('tabindex');
      drawn.push((name === 'held' ? held : allocated)(node, data));
    });
  }
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-as-table]');
    if (!button) return;
    asTable[button.dataset.asTable] = !asTable[button.dataset.asTable];
    draw();
  });

  document.addEventListener('aoli:swapped', draw);

  /* Another range or type: the charts alone wait, fail and come; without a script it is a link. */
  const body = A.$('#cluster-body');
  let asked = 0;
  async function choose(href, link) {
    const mine = (asked += 1);
    const panel = A.panel(A.$('#usage-panel', body));
    if (link)
      A.$all('a', link.parentNode).forEach((one) => {
        one.toggleAttribute('aria-current', one === link);
      });
    if (link) link.setAttribute('aria-current', 'true');
    body.dataset.fragment = href;
    body.aoliLast = null; /* the next news is shown whatever stood here before */
    panel.wait();
    try {
      const answer = await A.live.get(href);
      const html = await answer.text();
      if (mine !== asked) return;
      panel.done();
      A.live.swap(body, html);
    } catch {
      if (mine !== asked) return;
      clear();
      panel.fail(() => choose(href));
    }
  }
  function clear() {
    drawn.forEach((chart) => {
      chart.destroy();
    });
    drawn = [];
    A.$all('[data-chart] table').forEach((old) => {
      old.remove();
    });
  }
  document.addEventListener('click', (event) => {
    const link = event.target.closest('[data-choose]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    history.pushState(null, '', link.href);
    choose(link.href, link);
  });
  addEventListener('popstate', () => {
    choose(location.href);
  });
  new MutationObserver(draw).observe(root, { attributes: true, attributeFilter: ['data-theme'] });
  let waiting = null;
  addEventListener('resize', () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 120);
  });
  draw();
})();
