/* The charts of Cluster Usage, drawn by uPlot from the JSON beside them; anew after a live
   update, in another theme and at another width. */
(function () {
  'use strict';
  var A = window.Aoli,
    root = document.documentElement,
    drawn = [];

  function colour(name) {
    return getComputedStyle(root)
      .getPropertyValue('--' + name)
      .trim();
  }
  function alpha(hex, share) {
    return (
      hex +
      Math.round(share * 255)
        .toString(16)
        .padStart(2, '0')
    );
  }
  var DAY = 86400,
    COUNTS = []; /* devices come in fours and eights */
  for (var n = 1; n <= 65536; n *= 2) COUNTS.push(n);
  function axes(unit, days) {
    var text = colour('text-3'),
      line = { stroke: colour('line'), width: 1 };
    var font = '11px ' + colour('sans');
    return [
      {
        stroke: text,
        grid: { show: false },
        ticks: line,
        font: font,
        values: times,
        size: 28,
        incrs: days > 3 ? [DAY, 2 * DAY, 5 * DAY] : undefined,
        space: 64,
      },
      {
        stroke: text,
        grid: line,
        ticks: { show: false },
        font: font,
        size: 48,
        incrs: unit ? [50, 100] : COUNTS,
        space: 24 /* the unit is at the top alone */,
        values: function (_, all) {
          return all.map(function (v, n) {
            return v % 1 ? '' : v + (n === all.length - 1 ? unit : '');
          });
        },
      },
    ];
  }
  function times(u, splits, _axis, _space, step) {
    return splits.map(function (at) {
      var options =
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
    var tip = document.createElement('div');
    tip.className = 'tip plot-tip';
    tip.hidden = true;
    return {
      hooks: {
        init: function (u) {
          u.over.appendChild(tip);
        },
        setCursor: function (u) {
          var at = u.cursor.idx;
          if (at == null) {
            tip.hidden = true;
            return;
          }
          tip.hidden = false;
          tip.textContent = '';
          rows(at).forEach(function (text, n) {
            var line = document.createElement(n ? 'div' : 'b');
            line.textContent = text;
            tip.appendChild(line);
          });
          var left = u.cursor.left,
            right = left > u.over.clientWidth / 2;
          tip.style.left = right ? 'auto' : left + 12 + 'px';
          tip.style.right = right ? u.over.clientWidth - left + 12 + 'px' : 'auto';
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
  var stepped = uPlot.paths.stepped({ align: 1 });

  /* Who held how many over time: the users, and all others in one. */
  function holders(data) {
    var all = data.users.concat(data.others ? [{ username: '…', held: data.others }] : []);
    return {
      names: all.map(function (user) {
        return user.username;
      }),
      parts: all.map(function (user) {
        return user.held;
      }),
    };
  }
  function held(node, data) {
    var who = holders(data),
      names = who.names,
      parts = who.parts;
    var sums = [],
      total = data.times.map(function () {
        return 0;
      });
    parts.forEach(function (values) {
      total = total.map(function (sum, n) {
        return sum + values[n];
      });
      sums.push(total);
    });
    /* The tallest sum first: each later one is painted over it. */
    var series = [{}],
      columns = [data.times];
    var thick =
      node.clientWidth / data.times.length > 6; /* else a line between would be all of it */
    sums
      .map(function (sum, n) {
        return { sum: sum, tone: n === 7 || names[n] === '…' ? 'c8' : 'c' + (n + 1) };
      })
      .reverse()
      .forEach(function (one) {
        columns.push(one.sum);
        series.push({
          stroke: colour('surface'),
          width: thick ? 1 : 0,
          fill: colour(one.tone),
          paths: stepped,
          points: { show: false },
        });
      });
    columns.push(
      data.times.map(function () {
        return data.quota;
      }),
    );
    series.push({ stroke: colour('l8'), width: 1.5, dash: [5, 4], points: { show: false } });
    var top = Math.max.apply(null, total.concat([data.quota, 1]));
    return new uPlot(
      options(node, {
        axes: axes('', span(data)),
        series: series,
        scales: { x: { time: true }, y: { range: [0, top * 1.06] } },
        plugins: [
          tooltip(function (at) {
            return [when(data.times[at])].concat(
              names
                .map(function (name, n) {
                  return [name, parts[n][at]];
                })
                .filter(function (pair) {
                  return pair[1] > 0;
                })
                .map(function (pair) {
                  return pair[0] + ' ' + shown(pair[1]);
                }),
            );
          }),
        ],
      }),
      columns,
      node,
    );
  }
  function allocated(node, data) {
    var share = data.allocated.map(function (n) {
      return data.devices ? (100 * n) / data.devices : 0;
    });
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
          tooltip(function (at) {
            return [
              when(data.times[at]),
              shown(data.allocated[at]) +
                ' / ' +
                data.devices +
                ' (' +
                Math.round(share[at]) +
                '%)',
            ];
          }),
        ],
      }),
      [data.times, share],
      node,
    );
  }
  /* The same as numbers, newest first: whoever does not see a chart asks for it at its head. */
  var asTable = {};
  function table(node, data, button) {
    var sums = node.dataset.chart === 'allocated',
      box = document.createElement('table');
    var shows = sums
      ? { names: [button.dataset.allocated], parts: [data.allocated] }
      : holders(data);
    box.className = 'tbl';
    function line(tag, cells, parent) {
      var row = parent.insertRow();
      cells.forEach(function (text, n) {
        var cell = document.createElement(tag);
        if (n) cell.className = 'r num';
        if (tag === 'th') cell.scope = 'col';
        cell.textContent = text;
        row.append(cell);
      });
    }
    line('th', [button.dataset.time].concat(shows.names), box.createTHead());
    var rows = box.createTBody();
    data.times.forEach(function (_, n) {
      var at = data.times.length - 1 - n;
      line(
        'td',
        [when(data.times[at])].concat(
          shows.parts.map(function (values) {
            return shown(values[at]) + (sums ? ' / ' + data.devices : '');
          }),
        ),
        rows,
      );
    });
    node.append(box);
  }
  function draw() {
    clear();
    var source = document.getElementById('usage-data');
    if (!source) return;
    var data = JSON.parse(source.textContent);
    A.$all('[data-chart]').forEach(function (node) {
      var name = node.dataset.chart,
        button = A.$('[data-as-table=' + name + ']');
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
  document.addEventListener('click', function (event) {
    var button = event.target.closest('[data-as-table]');
    if (!button) return;
    asTable[button.dataset.asTable] = !asTable[button.dataset.asTable];
    draw();
  });

  document.addEventListener('aoli:swapped', draw);

  /* Another range or type: the charts alone wait, fail and come; without a script it is a link. */
  var body = A.$('#cluster-body'),
    asked = 0;
  function choose(href, link) {
    var mine = (asked += 1),
      panel = A.panel(A.$('#usage-panel', body));
    if (link)
      A.$all('a', link.parentNode).forEach(function (one) {
        one.toggleAttribute('aria-current', one === link);
      });
    if (link) link.setAttribute('aria-current', 'true');
    body.dataset.fragment = href;
    body.aoliLast = null; /* the next news is shown whatever stood here before */
    panel.wait();
    A.live
      .get(href)
      .then(function (answer) {
        return answer.text();
      })
      .then(function (html) {
        if (mine !== asked) return;
        panel.done();
        A.live.swap(body, html);
      })
      .catch(function () {
        if (mine === asked) {
          clear();
          panel.fail(function () {
            choose(href);
          });
        }
      });
  }
  function clear() {
    drawn.forEach(function (chart) {
      chart.destroy();
    });
    drawn = [];
    A.$all('[data-chart] table').forEach(function (old) {
      old.remove();
    });
  }
  document.addEventListener('click', function (event) {
    var link = event.target.closest('[data-choose]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    history.pushState(null, '', link.href);
    choose(link.href, link);
  });
  addEventListener('popstate', function () {
    choose(location.href);
  });
  new MutationObserver(draw).observe(root, { attributes: true, attributeFilter: ['data-theme'] });
  var waiting = null;
  addEventListener('resize', function () {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 120);
  });
  draw();
})();
