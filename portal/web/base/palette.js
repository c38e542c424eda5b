/* The search palette: what matches what is typed, below the field; arrows choose, Enter goes.
   Without it the field searches the list of jobs. */
(() => {
  'use strict';
  const A = window.Aoli;
  const field = A.$('[data-global-search]');
  const box = A.$('#palette');
  if (!field || !box) return;
  let timer = null;
  let slow = null;
  let asked = 0;
  let at = -1;

  function options() {
    return A.$all('[role=option]', box);
  }
  function show(on) {
    box.hidden = !on;
    field.setAttribute('aria-expanded', String(on));
    if (!on) choose(-1);
  }
  function choose(number) {
    options().forEach((option, i) => {
      option.setAttribute('aria-selected', String(i === number));
    });
    at = number;
    const chosen = options()[at];
    if (chosen) {
      field.setAttribute('aria-activedescendant', chosen.id);
      chosen.scrollIntoView({ block: 'nearest' });
    } else field.removeAttribute('aria-activedescendant');
  }
  /* What is not a result: that one is searched for, or that nothing answers. */
  function say(word) {
    const line = document.createElement('div');
    line.className = 'cap';
    line.textContent = word;
    box.setAttribute('role', 'status'); /* no list of choices for now */
    box.replaceChildren(line);
    show(true);
    choose(-1);
  }
  async function ask() {
    clearTimeout(timer);
    clearTimeout(slow);
    const mine = (asked += 1);
    const text = field.value.trim();
    slow = setTimeout(() => {
      if (mine === asked && box.hidden && document.activeElement === field)
        say(box.dataset.searching);
    }, 200);
    try {
      const answer = await A.ask(`${box.dataset.from}?q=${encodeURIComponent(text)}`);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const html = await answer.text();
      if (mine !== asked) return;
      clearTimeout(slow);
      if (document.activeElement !== field) return;
      box.setAttribute('role', 'listbox');
      box.innerHTML = html;
      show(true);
      choose(text && text === field.value.trim() && options().length ? 0 : -1);
    } catch {
      if (mine !== asked) return;
      clearTimeout(slow);
      if (document.activeElement === field) say(box.dataset.failed);
      else show(false);
    }
  }
  field.addEventListener('input', () => {
    choose(-1);
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  }); /* what is shown is of other letters */
  field.addEventListener('focus', ask);
  field.addEventListener('blur', () => {
    setTimeout(() => {
      if (document.activeElement !== field) show(false);
    }, 150);
  });
  box.addEventListener('mousedown', (event) => {
    event.preventDefault();
  }); /* the field keeps the focus */
  field.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    const count = options().length;
    if (event.key === 'Escape') {
      asked += 1;
      clearTimeout(slow);
      show(false);
    } else if (box.hidden || !count) return;
    else if (event.key === 'ArrowDown') {
      event.preventDefault();
      choose((at + 1) % count);
    } else if (event.key === 'ArrowUp') {
      event.preventDefault();
      choose((at - 1 + count) % count);
    } else if (event.key === 'Enter' && at >= 0) {
      event.preventDefault();
      options()[at].click();
    }
  });
})();
