/* Virtual clusters: dialogs over the list, quotas that say what would remain, members as chips. */
(() => {
  'use strict';
  const A = window.Aoli;
  const MAX_SQUARES = 32;
  const place = document.getElementById('vc-dialog');

  /* ---------- dialogs ---------- */
  document.addEventListener('click', async (event) => {
    const link = event.target.closest('a[data-dialog]');
    if (!link || !place || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      const answer = await A.ask(link.href);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      show(await answer.text());
      if (/part=members/.test(link.href)) document.getElementById('f-members').focus();
    } catch {
      location.href = link.href;
    }
  });
  function show(html) {
    const holder = document.createElement('template');
    holder.innerHTML = html;
    const dialog = holder.content.querySelector('dialog');
    A.remember(dialog);
    place.replaceChildren(holder.content);
    prepare(dialog);
    dialog.showModal();
    A.$all('form[data-kept]', dialog).forEach((form) => {
      A.kept.begin(form);
      dialog.addEventListener('close', () => {
        A.kept.end(form);
      });
    });
    dialog.addEventListener('close', () => {
      place.innerHTML = '';
    });
    return dialog;
  }
  function prepare(root) {
    const form = root.querySelector('#vc-form');
    const removal = root.querySelector('#vc-delete');
    if (form) {
      A.$all('[data-quota]', form).forEach(look);
      allow(form);
      form.addEventListener('input', typed);
    }
    if (removal) {
      confirmed(removal);
      removal.addEventListener('input', () => {
        confirmed(removal);
      });
    }
    if (place)
      A.$all('form', root).forEach((one) => {
        one.addEventListener('submit', send);
      });
  }
  async function send(event) {
    event.preventDefault();
    const form = event.target;
    const typedIn = form.elements.member_new;
    if (typedIn) chip(typedIn);
    try {
      const answer = await A.ask(form.action, new FormData(form));
      if (answer.ok) {
        location.href = (await answer.json()).location;
        return;
      }
      if (answer.status !== 422 && answer.status !== 409) throw new Error(`HTTP ${answer.status}`);
      show(await answer.text())
        .querySelector('[aria-invalid=true]')
        ?.focus();
    } catch (error) {
      A.toast('dng', document.documentElement.dataset.failed || error.message, '');
    }
  }
  function confirmed(form) {
    document.getElementById('vc-delete-now').disabled =
      form.elements.confirm.value.trim() !== form.dataset.name;
  }

  function say(form, note, kind, text) {
    const words = document.createElement('span');
    const icon = form.querySelector(`template[data-icon=${kind}]`);
    words.textContent = text;
    note.className = kind;
    note.replaceChildren(words);
    if (icon) note.prepend(icon.content.cloneNode(true));
  }
  function allow(form) {
    const wrong = form.querySelector(
      '[data-quota] [aria-invalid=true], [name=name][aria-invalid=true]',
    );
    document.getElementById('vc-save').disabled = !!wrong;
  }

  /* ---------- name ---------- */
  function checkName(form) {
    const field = form.elements.name;
    const note = document.getElementById('f-name-note');
    if (!field || field.readOnly || !note) return;
    const name = field.value.trim();
    const words = form.dataset;
    const error = JSON.parse(words.names).includes(name)
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
    return text.replace(/%\((\w+)\)s/g, (_, key) => values[key]);
  }
  function look(row) {
    const field = row.querySelector('input');
    const note = row.querySelector('[data-note]');
    const words = field.form.dataset;
    const most = Number(row.dataset.most);
    const total = Number(row.dataset.total);
    const whole = /^\d{1,9}$/.test(field.value.trim());
    const value = whole ? Number(field.value) : 0;
    const wrong = !whole ? words.notNumber : value > most ? fill(words.tooMany, { max: most }) : '';
    const text = wrong
      ? wrong + (row.dataset.holders ? ` (${row.dataset.holders})` : '')
      : fill(words.remaining, { n: Math.max(most - value, 0), total });
    say(field.form, note, wrong ? 'err' : 'help', text);
    if (wrong) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
    squares(row.querySelector('[data-squares]'), total, total - most, Math.min(value, most));
  }
  function squares(box, total, held, mine) {
    box.textContent = '';
    if (total > MAX_SQUARES) return;
    for (let i = 0; i < total; i += 1) {
      const square = document.createElement('i');
      square.className = `dv ${i < held ? 'c1' : i < held + mine ? 'plan' : 'free'}`;
      box.appendChild(square);
    }
  }
  function typed(event) {
    const row = event.target.closest('[data-quota]');
    const form = event.currentTarget;
    if (row) look(row);
    if (event.target.name === 'name') checkName(form);
    allow(form);
  }
  document.addEventListener('click', (event) => {
    const step = event.target.closest('[data-step]');
    const drop = event.target.closest('[data-drop-chip]');
    if (step) {
      const row = step.closest('[data-quota]');
      const field = row.querySelector('input');
      const value =
        (/^\d+$/.test(field.value.trim()) ? Number(field.value) : 0) + Number(step.dataset.step);
      field.value = Math.min(Math.max(value, 0), Number(row.dataset.most));
      look(row);
      allow(field.form);
    }
    if (drop) {
      const box = drop.closest('[data-chips]');
      drop.closest('.chip').remove();
      box.querySelector('input[name=member_new]').focus();
    }
  });

  /* ---------- members ---------- */
  function chip(field) {
    const box = field.closest('[data-chips]');
    field.value.split(/[,，]/).forEach((part) => {
      const group = part.trim().startsWith('group:');
      const name = part
        .trim()
        .replace(/^(group|user):/, '')
        .trim();
      if (!name) return;
      const key = (group ? 'group:' : 'user:') + name;
      if (A.$all('input[name=member]', box).some((other) => other.value === key)) return;
      const node = document.createElement('span');
      const hidden = document.createElement('input');
      const button = document.createElement('button');
      node.className = 'chip';
      hidden.type = 'hidden';
      hidden.name = 'member';
      hidden.value = key;
      button.type = 'button';
      button.className = 'ib';
      button.dataset.dropChip = '';
      button.setAttribute('aria-label', field.form.dataset.remove);
      button.textContent = '×';
      node.append(hidden, group ? `group: ${name}` : name, button);
      box.insertBefore(node, field);
    });
    field.value = '';
  }
  document.addEventListener('keydown', (event) => {
    const field = event.target;
    if (field.name !== 'member_new') return;
    if ((event.key === 'Enter' || event.key === ',') && field.value.trim()) {
      event.preventDefault();
      chip(field);
    } else if (event.key === 'Backspace' && !field.value) {
      const chips = field.closest('[data-chips]').querySelectorAll('.chip');
      if (chips.length) chips[chips.length - 1].remove();
    }
  });
  document.addEventListener('change', (event) => {
    if (event.target.name === 'member_new' && event.target.closest('dialog')) chip(event.target);
  });

  document.addEventListener('aoli:restoring', (event) => {
    const box = event.target.querySelector('[data-chips]');
    const field = event.target.elements.member_new;
    if (!box) return;
    A.$all('.chip', box).forEach((one) => {
      one.remove();
    });
    field.value = (event.detail.member || []).join(',');
    chip(field);
  });
  document.addEventListener('aoli:restored', (event) => {
    if (event.target.id !== 'vc-form') return;
    A.$all('[data-quota]', event.target).forEach(look);
    checkName(event.target);
    allow(event.target);
  });

  if (!place) prepare(document);
})();
