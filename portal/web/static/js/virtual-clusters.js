/* Virtual clusters: dialogs over the list, quotas that say what would remain, members as chips. */
(function () {
  'use strict';
  var A = window.Aoli,
    MAX_SQUARES = 32;
  var place = document.getElementById('vc-dialog');

  /* ---------- dialogs ---------- */
  document.addEventListener('click', function (event) {
    var link = event.target.closest('a[data-dialog]');
    if (!link || !place || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    A.ask(link.href)
      .then(function (answer) {
        if (!answer.ok) throw new Error();
        return answer.text();
      })
      .then(function (html) {
        show(html);
        if (/part=members/.test(link.href)) document.getElementById('f-members').focus();
      })
      .catch(function () {
        location.href = link.href;
      });
  });
  function show(html) {
    var holder = document.createElement('template');
    holder.innerHTML = html;
    var dialog = holder.content.querySelector('dialog');
    A.remember(dialog);
    place.replaceChildren(holder.content);
    prepare(dialog);
    dialog.showModal();
    A.$all('form[data-kept]', dialog).forEach(function (form) {
      A.kept.begin(form);
      dialog.addEventListener('close', function () {
        A.kept.end(form);
      });
    });
    dialog.addEventListener('close', function () {
      place.innerHTML = '';
    });
    return dialog;
  }
  function prepare(root) {
    var form = root.querySelector('#vc-form'),
      removal = root.querySelector('#vc-delete');
    if (form) {
      A.$all('[data-quota]', form).forEach(look);
      allow(form);
      form.addEventListener('input', typed);
    }
    if (removal) {
      confirmed(removal);
      removal.addEventListener('input', function () {
        confirmed(removal);
      });
    }
    if (place)
      A.$all('form', root).forEach(function (one) {
        one.addEventListener('submit', send);
      });
  }
  function send(event) {
    event.preventDefault();
    var form = event.target,
      typedIn = form.elements.member_new;
    if (typedIn) chip(typedIn);
    A.ask(form.action, new FormData(form))
      .then(function (answer) {
        if (answer.ok)
          return answer.json().then(function (body) {
            location.href = body.location;
          });
        if (answer.status !== 422 && answer.status !== 409)
          throw new Error('HTTP ' + answer.status);
        return answer.text().then(function (html) {
          var wrong = show(html).querySelector('[aria-invalid=true]');
          if (wrong) wrong.focus();
        });
      })
      .catch(function (error) {
        A.toast('dng', document.documentElement.dataset.failed || error.message, '');
      });
  }
  function confirmed(form) {
    document.getElementById('vc-delete-now').disabled =
      form.elements.confirm.value.trim() !== form.dataset.name;
  }

  function say(form, note, kind, text) {
    var words = document.createElement('span'),
      icon = form.querySelector('template[data-icon=' + kind + ']');
    words.textContent = text;
    note.className = kind;
    note.replaceChildren(words);
    if (icon) note.prepend(icon.content.cloneNode(true));
  }
  function allow(form) {
    var wrong = form.querySelector(
      '[data-quota] [aria-invalid=true], [name=name][aria-invalid=true]',
    );
    document.getElementById('vc-save').disabled = !!wrong;
  }

  /* ---------- name ---------- */
  function checkName(form) {
    var field = form.elements.name,
      note = document.getElementById('f-name-note');
    if (!field || field.readOnly || !note) return;
    var name = field.value.trim(),
      words = form.dataset;
    var error =
      JSON.parse(words.names).indexOf(name) >= 0
        ? words.taken
        : /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)
          ? ''
          : words.wrongName;
    note.hidden = !name;
    say(form, note, error ? 'err' : 'okm', error || words.free);
    if (error && name) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
  }

  /* ---------- quota ---------- */
  function fill(text, values) {
    return text.replace(/%\((\w+)\)s/g, function (_, key) {
      return values[key];
    });
  }
  function look(row) {
    var field = row.querySelector('input'),
      note = row.querySelector('[data-note]'),
      words = field.form.dataset;
    var most = Number(row.dataset.most),
      total = Number(row.dataset.total);
    var whole = /^\d{1,9}$/.test(field.value.trim()),
      value = whole ? Number(field.value) : 0;
    var wrong = !whole ? words.notNumber : value > most ? fill(words.tooMany, { max: most }) : '';
    var text = wrong
      ? wrong + (row.dataset.holders ? ' (' + row.dataset.holders + ')' : '')
      : fill(words.remaining, { n: Math.max(most - value, 0), total: total });
    say(field.form, note, wrong ? 'err' : 'help', text);
    if (wrong) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
    squares(row.querySelector('[data-squares]'), total, total - most, Math.min(value, most));
  }
  function squares(box, total, held, mine) {
    box.textContent = '';
    if (total > MAX_SQUARES) return;
    for (var i = 0; i < total; i += 1) {
      var square = document.createElement('i');
      square.className = 'dv ' + (i < held ? 'c1' : i < held + mine ? 'plan' : 'free');
      box.appendChild(square);
    }
  }
  function typed(event) {
    var row = event.target.closest('[data-quota]'),
      form = event.currentTarget;
    if (row) look(row);
    if (event.target.name === 'name') checkName(form);
    allow(form);
  }
  document.addEventListener('click', function (event) {
    var step = event.target.closest('[data-step]'),
      drop = event.target.closest('[data-drop-chip]');
    if (step) {
      var row = step.closest('[data-quota]'),
        field = row.querySelector('input');
      var value =
        (/^\d+$/.test(field.value.trim()) ? Number(field.value) : 0) + Number(step.dataset.step);
      field.value = Math.min(Math.max(value, 0), Number(row.dataset.most));
      look(row);
      allow(field.form);
    }
    if (drop) {
      var box = drop.closest('[data-chips]');
      drop.closest('.chip').remove();
      box.querySelector('input[name=member_new]').focus();
    }
  });

  /* ---------- members ---------- */
  function chip(field) {
    var box = field.closest('[data-chips]');
    field.value.split(/[,，]/).forEach(function (part) {
      var group = /^group:/.test(part.trim()),
        name = part
          .trim()
          .replace(/^(group|user):/, '')
          .trim();
      if (!name) return;
      var key = (group ? 'group:' : 'user:') + name;
      if (
        A.$all('input[name=member]', box).some(function (other) {
          return other.value === key;
        })
      )
        return;
      var node = document.createElement('span'),
        hidden = document.createElement('input'),
        button = document.createElement('button');
      node.className = 'chip';
      hidden.type = 'hidden';
      hidden.name = 'member';
      hidden.value = key;
      button.type = 'button';
      button.className = 'ib';
      button.dataset.dropChip = '';
      button.setAttribute('aria-label', field.form.dataset.remove);
      button.textContent = '×';
      node.append(hidden, group ? 'group: ' + name : name, button);
      box.insertBefore(node, field);
    });
    field.value = '';
  }
  document.addEventListener('keydown', function (event) {
    var field = event.target;
    if (field.name !== 'member_new') return;
    if ((event.key === 'Enter' || event.key === ',') && field.value.trim()) {
      event.preventDefault();
      chip(field);
    } else if (event.key === 'Backspace' && !field.value) {
      var chips = field.closest('[data-chips]').querySelectorAll('.chip');
      if (chips.length) chips[chips.length - 1].remove();
    }
  });
  document.addEventListener('change', function (event) {
    if (event.target.name === 'member_new' && event.target.closest('dialog')) chip(event.target);
  });

  document.addEventListener('aoli:restoring', function (event) {
    var box = event.target.querySelector('[data-chips]'),
      field = event.target.elements.member_new;
    if (!box) return;
    A.$all('.chip', box).forEach(function (one) {
      one.remove();
    });
    field.value = (event.detail.member || []).join(',');
    chip(field);
  });
  document.addEventListener('aoli:restored', function (event) {
    if (event.target.id !== 'vc-form') return;
    A.$all('[data-quota]', event.target).forEach(look);
    checkName(event.target);
    allow(event.target);
  });

  if (!place) prepare(document);
})();
