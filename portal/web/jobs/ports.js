/* Interactive ports as chips. What is sent is the list of numbers that the plain field holds
   without a script; a hidden field keeps it, so that drafts and previews know no difference. */
(() => {
  'use strict';
  const A = window.Aoli;
  const field = A.$('#f-interactive_ports');
  if (!field) return;
  const FIRST = 40000;
  const LAST = 49999;
  const SPLIT = /[\s,，;；]+/;
  const kept = document.createElement('input');
  const box = document.createElement('div');
  const words = field.form.dataset;
  kept.type = 'hidden';
  kept.name = field.name;
  kept.value = field.value;
  field.removeAttribute('name');
  field.className = '';
  field.value = '';
  box.className = 'chips';
  field.before(box);
  box.append(field);
  box.after(kept);

  function numbers(text) {
    return text.split(SPLIT).filter(Boolean);
  }
  function right(text) {
    return /^\d{5}$/.test(text) && Number(text) >= FIRST && Number(text) <= LAST;
  }
  let committed = numbers(kept.value);
  function draw() {
    A.$all('.chip', box).forEach((chip) => {
      chip.remove();
    });
    numbers(kept.value).forEach((text, i, all) => {
      const chip = document.createElement('span');
      const button = document.createElement('button');
      chip.className = `chip${right(text) && all.indexOf(text) === i ? '' : ' bad'}`;
      button.type = 'button';
      button.className = 'ib';
      button.textContent = '×';
      button.setAttribute('aria-label', words.removePort.replace('%s', text));
      button.addEventListener('click', () => {
        keep(all.filter((_, j) => j !== i));
        field.focus();
      });
      chip.append(text, button);
      box.insertBefore(chip, field);
    });
  }
  function keep(all) {
    kept.value = all.join(', ');
    draw();
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }
  function take() {
    /* what is typed becomes chips */
    const typed = numbers(field.value);
    field.value = '';
    if (typed.length) {
      committed = numbers(kept.value);
      draw();
    }
  }
  field.addEventListener('input', () => {
    /* before the form hears of it: a port counts while it is typed */
    committed = A.$all('.chip', box).map((chip) => chip.firstChild.textContent);
    kept.value = committed.concat(numbers(field.value)).join(', ');
    if (/[\s,，;；]$/.test(field.value)) take();
  });
  field.addEventListener('change', take);
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && field.value.trim()) {
      event.preventDefault();
      take();
    } else if (event.key === 'Backspace' && !field.value && committed.length)
      keep(committed.slice(0, -1));
  });
  document.addEventListener('aoli:filled', () => {
    field.value = '';
    committed = numbers(kept.value);
    draw();
  });
  draw();
})();
