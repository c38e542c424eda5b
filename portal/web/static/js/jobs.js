/* The list of jobs: rows keyed by id, selection, bulk acts, inline priority, row keys. */
(function () {
  'use strict';
  var A = window.Aoli,
    $ = A.$,
    $all = A.$all;
  var table = $('#jobs-table');

  /* ---------- what has come meanwhile: it waits behind a note, nothing moves ---------- */
  var note = $('#new-jobs'),
    NEWS_MS = 2000,
    newsAt = 0,
    newsTimer = null,
    moved = false;
  function news() {
    if (newsTimer) return;
    newsTimer = setTimeout(
      function () {
        newsTimer = null;
        newsAt = Date.now();
        A.live
          .get(note.dataset.news)
          .then(function (answer) {
            return answer.json();
          })
          .then(told)
          .catch(function () {
            /* the next round tries again */
          });
      },
      Math.max(0, newsAt + NEWS_MS - Date.now()),
    );
  }
  function told(what) {
    var tabs = $all('.tabs .cnt');
    [what.counts.mine, what.counts.all].forEach(function (n, i) {
      if (tabs[i] && n !== undefined) tabs[i].textContent = n;
    });
    Object.keys(what.sizes).forEach(function (name) {
      var cell = $('[data-group="' + name + '"] [data-size]');
      if (cell) cell.textContent = what.sizes[name].toLocaleString('en');
    });
    var text = [what.text, moved && note.dataset.moved].filter(Boolean).join(' · ');
    if (note.dataset.said === text) return;
    note.dataset.said = text;
    note.textContent = '';
    if (!text) return;
    var link = document.createElement('a');
    link.href = note.dataset.here;
    link.className = 'btn sm';
    link.dataset.key = 'new';
    link.textContent = text + ' · ' + note.dataset.show;
    note.append(link);
  }
  A.live.on(news);
  if (!table) return;
  var bar = $('#bulk'),
    words = table.dataset;

  /* ---------- live rows ---------- */
  A.live.on(function (ids) {
    var shown = $all('tr[data-job]', table).map(function (row) {
      return row.dataset.job;
    });
    var wanted = ids
      ? ids.filter(function (id) {
          return shown.indexOf(id) >= 0;
        })
      : shown;
    if (!wanted.length) return;
    A.live
      .get(
        words.rows +
          (words.rows.indexOf('?') < 0 ? '?' : '&') +
          wanted
            .map(function (id) {
              return 'id=' + encodeURIComponent(id);
            })
            .join('&'),
      )
      .then(function (answer) {
        return answer.text();
      })
      .then(replace)
      .catch(function () {
        /* the next round tries again */
      });
  });
  function replace(html) {
    var holder = document.createElement('template');
    holder.innerHTML = html;
    $all('tr[data-job]', holder.content).forEach(function (fresh) {
      var row = document.getElementById(fresh.id);
      if (!row || row.dataset.print === fresh.dataset.print || row.querySelector('.prioin')) return;
      if (A.live.busy(row)) {
        A.live.hold();
        return;
      }
      var was = $('.pick', row),
        active = row.contains(document.activeElement) ? document.activeElement : null;
      if ($('.pick', fresh)) $('.pick', fresh).checked = was ? was.checked : false;
      var key = active && active.dataset.key;
      fresh.classList.add('changed');
      if (row.classList.contains('current')) fresh.classList.add('current');
      row.replaceWith(fresh);
      resumeLater(fresh);
      if (key) {
        var back = $('[data-key="' + key + '"]', fresh);
        if (back) back.focus();
      }
    });
    if (misplaced() !== moved) {
      moved = !moved;
      news();
    }
    selection();
  }
  /* A row stays where it was read, also when its job belongs elsewhere now. */
  function misplaced() {
    var group = '';
    return $all('tbody tr', table).some(function (row) {
      var head = $('th[data-group]', row);
      if (head) {
        group = head.dataset.group;
        return false;
      }
      return group && row.dataset.group !== group;
    });
  }

  /* ---------- selection and bulk acts ---------- */
  function picked() {
    return $all('.pick:checked', table);
  }
  function selection() {
    var rows = picked().map(function (box) {
      return box.closest('tr');
    });
    var all = $('#pick-all'),
      boxes = $all('.pick', table);
    if (all) {
      all.checked = rows.length > 0 && rows.length === boxes.length;
      all.indeterminate = rows.length > 0 && !all.checked;
    }
    if (!bar) return;
    if (!rows.length && bar.contains(document.activeElement))
      all.focus({ preventScroll: true }); /* it goes */
    bar.hidden = !rows.length;
    $('[data-count]', bar).textContent = bar.dataset.selected.replace('%s', rows.length);
    var owners = rows
      .map(function (row) {
        return row.dataset.user;
      })
      .filter(function (name, i, all) {
        return name && all.indexOf(name) === i;
      });
    var told = [
      bar.dataset.devices.replace(
        '%s',
        rows.reduce(function (sum, row) {
          return sum + Number(row.dataset.devices);
        }, 0),
      ),
    ];
    if (owners.length) told.push(bar.dataset.users.replace('%s', owners.length));
    $('[data-devices]', bar).textContent = told.join(bar.dataset.comma);
    var prio = $('#bulk-priority'),
      n = changeable().length;
    prio.disabled = !n;
    [prio, $('#priority-form .pri')].forEach(function (button) {
      $('.lbl', button).textContent = prio.dataset.label + ' ' + n;
    });
    $all('[data-act]', bar).forEach(function (button) {
      var n = rows.filter(function (row) {
        return row.dataset.can.split(' ').indexOf(button.dataset.act) >= 0;
      }).length;
      button.disabled = !n;
      $('.lbl', button).textContent = button.dataset.label + ' ' + n;
    });
  }
  table.addEventListener('change', function (event) {
    if (event.target.id === 'pick-all')
      $all('.pick', table).forEach(function (box) {
        box.checked = event.target.checked;
      });
    if (event.target.matches('.pick, #pick-all')) selection();
  });

  /* ---------- columns ---------- */
  $all('[data-column]').forEach(function (box) {
    box.addEventListener('change', function () {
      table.classList.toggle('no-' + box.value, !box.checked);
      var hidden = (/(?:^|; )hidden_columns=([^;]*)/.exec(document.cookie) || ['', ''])[1]
        .split('.')
        .filter(function (name) {
          return name && name !== box.value;
        });
      A.keep('hidden_columns', hidden.concat(box.checked ? [] : [box.value]).join('.'));
    });
  });

  /* What the server says to an act: whether it was done, and its words. */
  function ask(where, data) {
    data.set('csrf_token', A.csrf());
    return A.ask(where, data).then(function (answer) {
      return answer.json().then(function (body) {
        return { ok: answer.ok, body: body };
      });
    });
  }

  /* ---------- one priority for several ---------- */
  function changeable() {
    return picked()
      .map(function (box) {
        return box.closest('tr');
      })
      .filter(function (row) {
        return $('.prio', row);
      });
  }
  function setPriorities(ids, values, was) {
    var data = new FormData();
    ids.forEach(function (id, i) {
      data.append('ids', id);
      data.append('priority', values[i]);
      if (was) data.append('was', was[i]);
    });
    ask($('#priority-form').getAttribute('action'), data)
      .then(function (answer) {
        if (!answer.ok) {
          A.toast('dng', words.failed, answer.body.detail);
          return;
        }
        (answer.body.toasts || []).forEach(function (t) {
          A.toast(
            t.kind,
            t.title,
            t.text,
            t.undo && {
              label: words.undo,
              act: function () {
                setPriorities(t.undo.ids, t.undo.priorities, t.undo.was);
              },
            },
          );
        });
        answer.body.changed.forEach(function (one) {
          var button = $('#job-' + CSS.escape(one.id) + ' .prio');
          if (button) button.textContent = one.priority;
        });
        A.live.changed(null);
      })
      .catch(function () {
        A.toast('dng', words.failed, words.away);
      });
  }
  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (form.id !== 'priority-form') return;
    event.preventDefault();
    var field = form.elements.priority,
      box = $('#f-priority-note', form),
      right = field.checkValidity() && field.value !== '';
    if (right) field.removeAttribute('aria-invalid');
    else field.setAttribute('aria-invalid', 'true');
    box.className = right ? 'help' : 'err';
    if (!right) {
      box.textContent = words.priorityRange;
      field.focus();
      return;
    }
    var ids = changeable().map(function (row) {
      return row.dataset.job;
    });
    form.closest('dialog').close();
    setPriorities(
      ids,
      ids.map(function () {
        return field.value;
      }),
    );
  });

  /* Kill asks first; the dialog names the jobs and their devices. */
  function askKill(rows, form, submitter) {
    var dialog = $('#kill-dialog');
    $('[data-kill-list]', dialog).textContent = rows
      .map(function (row) {
        return row.dataset.name;
      })
      .join($('[data-kill-list]', dialog).dataset.comma);
    $('[data-kill-devices]', dialog).textContent = words.killDevices
      .replace('%(jobs)s', rows.length)
      .replace(
        '%(devices)s',
        rows.reduce(function (sum, row) {
          return sum + Number(row.dataset.devices);
        }, 0),
      );
    dialog.returnValue = '';
    dialog.onclose = function () {
      if (dialog.returnValue === 'kill') send(form, submitter, rows);
    };
    A.openDialog('kill-dialog');
    $('[data-close-dialog].btn', dialog).focus();
  }
  /* form.action would be the button of that name, so the attribute is asked for. */
  function send(form, submitter, rows) {
    var ids = rows.map(function (row) {
      return row.dataset.job;
    });
    act(form.getAttribute('action'), submitter.value, ids, rows);
  }
  function act(where, action, ids, rows) {
    var data = new FormData(),
      guesses =
        action === 'kill'
          ? []
          : rows.map(function (row) {
              return expect(row, action);
            });
    data.set('action', action);
    ids.forEach(function (id) {
      data.append('ids', id);
    });
    ask(where, data)
      .then(function (answer) {
        if (!answer.ok) {
          guesses.forEach(takeBack);
          A.toast('dng', words.failed, answer.body.detail);
        } else {
          (answer.body.toasts || []).forEach(function (t) {
            A.toast(
              t.kind,
              t.title,
              t.text,
              t.undo && {
                label: t.undo.label,
                act: function () {
                  undo(where, t.undo);
                },
              },
            );
          });
          $all('.pick:checked', table).forEach(function (box) {
            if (ids.indexOf(box.value) >= 0) box.checked = false;
          });
          selection();
        }
        A.live.changed(null);
      })
      .catch(function () {
        guesses.forEach(takeBack);
        A.toast('dng', words.failed, words.away);
        A.live.changed(null);
      });
  }
  /* A job that is pausing cannot go on before it has paused: then it is resumed. */
  var later = {};
  function undo(where, what) {
    if (what.action === 'pause') {
      act(where, what.action, what.ids, []);
      return;
    }
    what.ids.forEach(function (id) {
      later[id] = where;
    });
    A.toast('info', words.later, '');
    what.ids.forEach(function (id) {
      var row = document.getElementById('job-' + id);
      if (row) resumeLater(row);
    });
    A.live.changed(null);
  }
  function resumeLater(row) {
    var where = later[row.dataset.job],
      can = row.dataset.can.split(' ');
    if (!where || can.indexOf('resume') < 0) return;
    delete later[row.dataset.job];
    act(where, 'resume', [row.dataset.job], []);
  }
  /* Optimistic: the new state shows at once, the server's row replaces the guess. A guess that
     was wrong is taken back: the next news would not, for the server's row never changed. */
  function expect(row, action) {
    var was = row.cloneNode(true);
    row.dataset.print = '';
    $all('.acts button', row).forEach(function (button) {
      button.disabled = true;
    });
    var word = $('.st', row);
    if (word && words[action + 'Word']) word.lastChild.textContent = words[action + 'Word'];
    return { row: row, was: was };
  }
  function takeBack(guess) {
    if (!guess.row.isConnected) return;
    if ($('.pick', guess.was)) $('.pick', guess.was).checked = $('.pick', guess.row).checked;
    guess.row.replaceWith(guess.was);
  }
  document.addEventListener(
    'submit',
    function (event) {
      var form = event.target,
        button = event.submitter;
      if (!form.matches('.job-act, #bulk-form') || !button || event.defaultPrevented) return;
      event.preventDefault();
      var rows =
        form.id === 'bulk-form'
          ? picked()
              .map(function (box) {
                return box.closest('tr');
              })
              .filter(function (row) {
                return row.dataset.can.split(' ').indexOf(button.value) >= 0;
              })
          : [form.closest('tr')];
      if (!rows.length) return;
      if (button.value === 'kill') askKill(rows, form, button);
      else send(form, button, rows);
    },
    true,
  );
  var clear = $('#bulk-clear');
  if (clear)
    clear.addEventListener('click', function () {
      picked().forEach(function (box) {
        box.checked = false;
      });
      selection();
    });

  /* ---------- inline priority ---------- */
  table.addEventListener('click', function (event) {
    var button = event.target.closest('.prio');
    if (button) edit(button);
  });
  function edit(button) {
    var field = document.createElement('input'),
      old = button.textContent.trim(),
      done = false;
    field.className = 'inp prioin num';
    field.type = 'number';
    field.min = 1;
    field.max = 1000;
    field.value = old;
    field.setAttribute('aria-label', button.getAttribute('aria-label'));
    button.hidden = true;
    button.after(field);
    field.focus();
    field.select();
    function finish(save) {
      if (done) return;
      done = true;
      var value = field.value,
        valid = field.checkValidity() && value !== '';
      var focused = document.activeElement === field;
      field.remove();
      button.hidden = false;
      if (focused) button.focus();
      if (!save || value === old) return;
      if (!valid) {
        A.toast('dng', words.failed, words.priorityRange);
        return;
      }
      button.textContent = value;
      post(button, value, old);
    }
    field.addEventListener('keydown', function (event) {
      if (event.isComposing) return;
      if (event.key === 'Enter') {
        event.preventDefault();
        finish(true);
      }
      if (event.key === 'Escape') {
        event.stopPropagation();
        finish(false);
      }
    });
    field.addEventListener('blur', function () {
      finish(true);
    });
  }
  function post(button, value, old) {
    var data = new FormData();
    data.set('priority', value);
    data.set('was', old);
    ask(button.dataset.url, data)
      .then(function (answer) {
        if (!answer.ok) {
          button.textContent = old;
          button.closest('tr').dataset.print = ''; /* somebody else may have changed it */
          A.live.changed(null);
          A.toast('dng', words.failed, answer.body.detail);
          return;
        }
        A.toast(
          'ok',
          answer.body.title,
          answer.body.text,
          old !== value && {
            label: words.undo,
            act: function () {
              button.textContent = old;
              post(button, old, value);
            },
          },
        );
      })
      .catch(function () {
        button.textContent = old;
        A.toast('dng', words.failed, words.away);
      });
  }

  /* ---------- row keys ---------- */
  document.addEventListener('keydown', function (event) {
    if (
      !A.keys ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      A.typing(event.target) ||
      $('dialog[open]')
    )
      return;
    var rows = $all('tr[data-job]', table),
      at = rows.findIndex(function (row) {
        return row.classList.contains('current');
      });
    if (event.key === 'j' || event.key === 'k') {
      if (!rows.length) return;
      if (at >= 0) rows[at].classList.remove('current');
      at = event.key === 'j' ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0);
      rows[at].classList.add('current');
      rows[at].scrollIntoView({ block: 'nearest' });
    } else if (at >= 0 && event.key === 'x') {
      var box = $('.pick', rows[at]);
      if (box) {
        box.checked = !box.checked;
        selection();
      }
    } else if (
      at >= 0 &&
      event.key === 'Enter' &&
      !event.target.closest('a, button, select, textarea, summary, input:not([type=checkbox])')
    ) {
      $('a.id', rows[at]).click();
    } else if (at >= 0 && event.key === 'p') {
      var button = $(
        'button[value=pause]:not([disabled]), button[value=resume]:not([disabled])',
        rows[at],
      );
      if (button) button.click();
    }
  });
  selection();
})();
