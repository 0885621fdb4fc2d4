// Sends a file that is chosen or dropped in an element with `data-upload`, which names where to. It is a script of its own
// since `fetch` does not tell how much is sent, and what does would weigh on the first visit. What there is to know stands in
// the element's attributes, and "upload" events say that it has changed: `data-sent`, of a hundred; once it has ended
// `data-status`, 0 where there was no answer, and `data-answer`.
(() => {
  if (window.lockstepUpload) return;
  window.lockstepUpload = true;

  const box = (event) => event.target.closest?.("[data-upload]");

  function tell(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(`data-${name}`, value);
    element.dispatchEvent(new Event("upload"));
  }

  function send(element, file) {
    if (!file || element.hasAttribute("data-sent")) return;
    tell(element, { sent: 0 });
    const request = new XMLHttpRequest();
    const end = (status, answer) => {
      tell(element, { status, answer });
      for (const name of ["sent", "status", "answer"]) element.removeAttribute(`data-${name}`);
    };
    const most = Number(element.dataset.most);
    if (file.size > most) return end(413, "");
    request.upload.onprogress = ({ loaded, total }) => tell(element, { sent: Math.floor((100 * loaded) / (total || 1)) });
    request.onloadend = () => end(request.status, request.responseText);
    request.open("POST", `${element.dataset.upload}?name=${encodeURIComponent(file.name)}`);
    request.send(file);
  }

  document.addEventListener("change", (event) => {
    const element = event.target.type === "file" && box(event);
    if (!element) return;
    send(element, event.target.files[0]);
    // So that the same file can be chosen again.
    event.target.value = "";
  });
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      const element = box(event);
      if (!element) return;
      event.preventDefault();
      element.classList.toggle("drop-over", type === "dragover");
      if (type === "drop") send(element, event.dataTransfer.files[0]);
    });
  }
})();
