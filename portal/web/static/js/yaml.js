/* A submission as YAML: saved as a file, loaded from one. */
(function () {
  'use strict';
  var A = window.Aoli,
    form = document.getElementById('yaml-form');

  document.addEventListener('click', function (event) {
    var button = event.target.closest('[data-save-text]');
    if (!button) return;
    var text = document.getElementById(button.dataset.saveText).textContent,
      link = document.createElement('a');
    var address = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
    link.href = address;
    link.download = button.dataset.file;
    link.click();
    setTimeout(function () {
      URL.revokeObjectURL(address);
    }, 10000);
  });
  if (!form) return;
  form.elements.file.addEventListener('change', function () {
    var file = form.elements.file.files[0];
    if (file) form.querySelector('[data-file-name]').textContent = file.name;
    if (file && file.size <= 262144)
      file.text().then(function (text) {
        form.elements.yaml.value = text;
        form.elements.file.value = '';
      });
  });
  if (form.hasAttribute('data-open-now')) {
    A.openDialog('yaml-dialog');
    form.elements.yaml.focus();
  }
})();
