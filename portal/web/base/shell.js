/* The frame: theme, side bar, menus, dialogs, toasts, copy, keyboard. No framework. */
(() => {
  'use strict';
  const root = document.documentElement;
  const phone = matchMedia('(max-width: 720px)');
  const dark = matchMedia('(prefers-color-scheme: dark)');

  function keep(name, value) {
    const secure = location.protocol === 'https:' ? ';secure' : '';
    const text = encodeURIComponent(value);
    document.cookie = `${name}=${text};path=/;max-age=31536000;samesite=lax${secure}`;
  }
  function $(selector, from) {
    return (from || document).querySelector(selector);
  }
  function $all(selector, from) {
    return Array.from((from || document).querySelectorAll(selector));
  }

  /* The server writes times in the browser's zone once it knows the zone. */
  try {
    keep('zone', Intl.DateTimeFormat().resolvedOptions().timeZone || '');
  } catch {
    /* UTC then */
  }

  /* ---------- theme and side bar ---------- */
  function paint() {
    const choice = root.dataset.choice;
    root.dataset.theme = choice === 'system' ? (dark.matches ? 'dark' : 'light') : choice;
  }
  dark.addEventListener('change', paint);
  function nextTheme() {
    root.dataset.choice =
      { light: 'dark', dark: 'system', system: 'light' }[root.dataset.choice] || 'light';
    keep('theme', root.dataset.choice);
    paint();
    $all('[data-theme-switch]').forEach((b) => {
      b.value = { light: 'dark', dark: 'system', system: 'light' }[root.dataset.choice];
    });
    $all('.seg [name=theme]').forEach((b) => {
      b.setAttribute('aria-pressed', String(b.value === root.dataset.choice));
    });
  }
  function switchSide() {
    if (phone.matches) {
      drawer(!root.dataset.drawer);
      return;
    }
    root.dataset.side = root.dataset.side === 'collapsed' ? 'open' : 'collapsed';
    keep('side', root.dataset.side);
    $all('[data-side-switch][aria-expanded]').forEach((b) => {
      b.setAttribute('aria-expanded', root.dataset.side !== 'collapsed');
    });
  }

  /* On a phone the menu lies over the page: what is behind it can be neither read nor reached. */
  function drawer(open) {
    root.dataset.drawer = open ? 'open' : '';
    $all('.main, .fabbar, .topbar').forEach((part) => {
      part.inert = open;
    });
    const button = $('.topbar [data-side-switch]');
    const first = $('.side a, .side input');
    if (button) button.setAttribute('aria-expanded', String(open));
    if (open && first) first.focus();
    if (!open && button) button.focus();
  }
  if (phone.matches)
    $all('.topbar [data-side-switch]').forEach((b) => {
      b.setAttribute('aria-expanded', 'false');
    });
  phone.addEventListener('change', () => {
    if (root.dataset.drawer) drawer(false);
  });

  /* ---------- toasts ---------- */
  function toast(kind, title, text, undo) {
    const box = $('#toasts');
    const template = $('#toast-template');
    if (!box || !template) return null;
    const node = template.content.firstElementChild.cloneNode(true);
    node.className = `toast ${kind === 'ok' ? '' : kind}`;
    node.dataset.toast = kind;
    node.setAttribute('role', kind === 'dng' ? 'alert' : 'status');
    const names = { ok: 'circle-check', dng: 'circle-x', warn: 'triangle-alert', info: 'info' };
    const use = $('use', node);
    use.setAttribute('href', use.getAttribute('href').replace(/#.*/, `#${names[kind]}`));
    $('.m', node).textContent = title;
    if (text) {
      const more = document.createElement('div');
      more.className = 'sec';
      more.textContent = text;
      $('.sp', node).appendChild(more);
    }
    if (undo) {
      const act = document.createElement('button');
      act.type = 'button';
      act.className = 'linkish';
      act.textContent = undo.label;
      act.addEventListener('click', () => {
        node.remove();
        undo.act();
      });
      node.insertBefore(act, node.lastElementChild);
    }
    box.appendChild(node);
    while (box.querySelectorAll('.toast').length > 3) box.querySelector('.toast').remove();
    fade(node);
    return node;
  }
  /* What the server says of an act; `undo` takes back what can be. */
  function toasts(said, undo) {
    (said || []).forEach(({ kind, title, text, undo: back }) => {
      toast(kind, title, text, back && undo && { label: back.label, act: () => undo(back) });
    });
  }
  function fade(node) {
    if (node.dataset.toast === 'dng') return; /* errors stay until closed */
    const timer = setTimeout(() => {
      node.remove();
    }, 5000);
    node.addEventListener('mouseenter', () => {
      clearTimeout(timer);
    });
  }

  /* ---------- dialogs ---------- */
  function openDialog(id) {
    const dialog = document.getElementById(id);
    if (dialog && dialog.showModal && !dialog.open) {
      remember(dialog);
      dialog.showModal();
    }
    return dialog;
  }
  /* The browser gives the focus back to the opener; a live update may have replaced it. */
  function remember(dialog) {
    const opener = document.activeElement;
    const before = opener?.closest('dialog');
    dialog.aoliOpener = before ? before.aoliOpener : opener;
  }
  document.addEventListener(
    'close',
    (event) => {
      const opener = event.target.aoliOpener;
      if (!opener || opener.isConnected) return;
      const key = opener.dataset.key
        ? `[data-key="${CSS.escape(opener.dataset.key)}"]`
        : opener.id && `#${CSS.escape(opener.id)}`;
      const back = key && $all(key).filter((node) => node.offsetParent)[0];
      if (back) back.focus();
    },
    true,
  );

  document.addEventListener('click', (event) => {
    const at = event.target.closest('button, a, summary, dialog');
    $all('details.drop[open]').forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    if (!at) return;
    if (at.tagName === 'DIALOG') {
      if (event.target === at) at.close();
      return;
    }
    if (at.hasAttribute('data-theme-switch')) {
      event.preventDefault();
      nextTheme();
    } else if (at.hasAttribute('data-side-switch')) switchSide();
    else if (at.hasAttribute('data-filters'))
      at.setAttribute('aria-expanded', String(at.getAttribute('aria-expanded') !== 'true'));
    else if (at.dataset.openDialog) {
      const menu = at.closest('details.drop');
      if (menu) menu.open = false;
      openDialog(at.dataset.openDialog);
    } else if (at.hasAttribute('data-close-dialog')) at.closest('dialog').close();
    else if (at.hasAttribute('data-close-toast')) at.closest('.toast').remove();
    else if (at.dataset.reveal) {
      const field = document.getElementById(at.dataset.reveal);
      const shown = field.type === 'text';
      field.type = shown ? 'password' : 'text';
      at.setAttribute('aria-pressed', String(!shown));
    } else if (at.dataset.copy !== undefined || at.dataset.copyFrom) copy(at);
  });
  async function copy(button) {
    const text = button.dataset.copyFrom
      ? document.getElementById(button.dataset.copyFrom).textContent
      : button.dataset.copy;
    function done() {
      const use = $('use', button);
      const was = use.getAttribute('href');
      use.setAttribute('href', was.replace(/#.*/, '#check'));
      setTimeout(() => {
        use.setAttribute('href', was);
      }, 1500);
    }
    if (navigator.clipboard && isSecureContext) {
      await navigator.clipboard.writeText(text);
      done();
      return;
    }
    const area = document.createElement('textarea'); /* plain http has no clipboard interface */
    area.value = text;
    area.className = 'vh';
    document.body.appendChild(area);
    area.select();
    if (document.execCommand('copy')) done();
    area.remove();
    button.focus();
  }

  /* ---------- forms ---------- */
  /* At work: what turns, and the word for it where the button has one; its width stays. */
  function busy(button, on) {
    const label = $('.lbl', button);
    const word = button.dataset.busy;
    if (on === (button.getAttribute('aria-busy') === 'true')) return;
    if (on) {
      button.style.minWidth = `${button.offsetWidth}px`;
      button.setAttribute('aria-busy', 'true');
      if (word && label) {
        button.dataset.idle = label.textContent;
        label.textContent = word;
      }
    } else {
      button.removeAttribute('aria-busy');
      if (word && label) label.textContent = button.dataset.idle;
    }
  }
  document.addEventListener('submit', (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || !button || !button.dataset.busy) return;
    busy(button, true);
    event.target.addEventListener(
      'submit',
      (again) => {
        again.preventDefault();
      },
      { once: true },
    );
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  document.addEventListener('change', (event) => {
    if (event.target.hasAttribute('data-autosubmit')) event.target.form.requestSubmit();
  });

  /* Until the pointer is up nothing moves: what is pressed would be taken from under it, and the
     click be lost. Who has news looks at A.pressed() and waits for aoli:released. */
  let pressed = false;
  function release() {
    if (!pressed) return;
    pressed = false;
    document.dispatchEvent(new CustomEvent('aoli:released'));
  }
  document.addEventListener(
    'pointerdown',
    (event) => {
      pressed = event.button === 0;
    },
    true,
  );
  document.addEventListener(
    'pointermove',
    (event) => {
      if (!event.buttons) release();
    },
    true,
  ); /* let go outside */
  ['pointerup', 'pointercancel'].forEach((name) => {
    document.addEventListener(
      name,
      () => {
        setTimeout(release);
      },
      true,
    );
  });

  /* ---------- keyboard ---------- */
  let waiting = '';
  function typing(target) {
    return (
      target.isContentEditable ||
      (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) &&
        !/^(checkbox|radio|button|submit)$/.test(target.type))
    );
  }
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') {
      $all('details.drop[open]').forEach((menu) => {
        menu.open = false;
        $('summary', menu).focus();
      });
      if (root.dataset.drawer) drawer(false);
      if (event.target.type === 'search') event.target.blur();
      return;
    }
    if (typing(event.target)) {
      if (
        event.key === '/' &&
        event.target.hasAttribute('data-table-search') &&
        !event.target.value
      )
        focusSearch(event, '[data-global-search]');
      return;
    }
    if ($('dialog[open]') || root.dataset.keys === 'off') return;
    const key = event.key;
    if (waiting === 'g') {
      waiting = '';
      const link = $(`[data-go="${CSS.escape(key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    if (key === 'g') {
      waiting = 'g';
      setTimeout(() => {
        waiting = '';
      }, 1500);
    } else if (key === '/')
      focusSearch(event, $('[data-table-search]') ? '[data-table-search]' : '[data-global-search]');
    else if (key === '[') switchSide();
    else if (key === 't') nextTheme();
    else if (key === 'r')
      document.body.dispatchEvent(new CustomEvent('aoli:refresh', { bubbles: true }));
    else if (key === '?') openDialog('shortcuts');
  });
  function focusSearch(event, selector) {
    const field = $(selector);
    if (field && field.offsetParent) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  }

  /* The session is over: what was typed is kept (whoever has something to keep hears of it),
     the sign-in page says so and leads back here. */
  let leaving = null;
  addEventListener('beforeunload', () => {
    /* to a page, or only to a download */
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      leaving = null;
    }, 5000);
  });
  function signedOut() {
    if (leaving !== null) return; /* such as by logging out */
    document.dispatchEvent(new CustomEvent('aoli:leaving'));
    location.replace(
      document.body.dataset.ended + encodeURIComponent(location.pathname + location.search),
    );
  }

  /* The scripts' way to the server. Once the session is over there is no answer: the page is left. */
  async function ask(where, data, signal) {
    const how = {
      method: data ? 'POST' : 'GET',
      body: data,
      headers: { Accept: 'application/json', 'X-Requested-With': 'script' },
      credentials: 'same-origin',
      signal,
    };
    const answer = await fetch(where, how);
    if (answer.status !== 401) return answer;
    signedOut();
    return new Promise(() => {});
  }

  const tab =
    $('.tabs [aria-current]'); /* a phone shows some of the tabs: the present one among them */
  if (tab) tab.parentNode.scrollLeft = tab.offsetLeft - 16;

  $all('.toast[data-toast]').forEach(fade);
  window.Aoli = {
    zone: root.dataset.zone || undefined,
    keys: root.dataset.keys !== 'off',
    $,
    $all,
    toast,
    toasts,
    openDialog,
    remember,
    keep,
    typing,
    busy,
    pressed() {
      return pressed;
    },
    ask,
    csrf() {
      return document.body.dataset.csrf;
    },
  };
  document.dispatchEvent(new CustomEvent('aoli:ready'));
})();
