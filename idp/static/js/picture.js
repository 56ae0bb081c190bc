// Choosing a picture: by file (`dropping.js` gives one that is dragged here) or by camera, and which square of it. Without this file the form
// sends what was chosen, and the square in the middle is used. The server cuts again, from the numbers sent here.

const MOST_BYTES = 4_500_000;
const MOST_PIXELS = 19_000_000;
const SMALLER = 2560; // pixels of the longer side that a file too large is brought down to
const CLOSEST = 6; // times

const form = document.querySelector("[data-picture]");
if (form) begin(form);

function begin(form) {
  const words = form.dataset;
  const input = form.querySelector("input[type=file]");
  const drop = form.querySelector("[data-drop]");
  const crop = form.querySelector("[data-crop]");
  const told = form.querySelector("[data-told]");
  const save = form.querySelector("button[type=submit]");
  const fields = ["crop_left", "crop_top", "crop_side"].map((name) => form.elements[name]);

  let camera = null; // turns off the one that is on
  let bitmap = null;
  let side = 1; // of the square, as a part of the shorter side of the picture
  let x = 0.5;
  let y = 0.5; // its middle, as parts of width and height

  const canvas = element("canvas", { width: 704, height: 704, tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", words.stage);
  canvas.setAttribute("aria-describedby", "crop-hint");
  const range = element("input", { type: "range", min: 1, max: CLOSEST, step: 0.05, value: 1 });
  const label = element("label", {}, words.zoom, range);
  const hint = element("p", { className: "hint", id: "crop-hint" }, words.hint);

  // The square, in pixels of the picture.
  const square = () => {
    const shorter = Math.min(bitmap.width, bitmap.height);
    const size = shorter * side;
    x = between(x, size / 2 / bitmap.width, 1 - size / 2 / bitmap.width);
    y = between(y, size / 2 / bitmap.height, 1 - size / 2 / bitmap.height);
    return { size, left: x * bitmap.width - size / 2, top: y * bitmap.height - size / 2 };
  };

  const show = () => {
    const { size, left, top } = square();
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, left, top, size, size, 0, 0, canvas.width, canvas.height);
    pen.fillStyle = "rgb(10 20 18 / 45%)"; // what the round frame will hide
    pen.beginPath();
    pen.rect(0, 0, canvas.width, canvas.height);
    pen.arc(canvas.width / 2, canvas.height / 2, canvas.width / 2 - 2, 0, Math.PI * 2, true);
    pen.fill();
    [left / bitmap.width, top / bitmap.height, side].forEach((value, index) => (fields[index].value = value.toFixed(5)));
    range.value = String(1 / side);
  };

  const zoom = (times) => {
    side = between(side / times, 1 / CLOSEST, 1);
    show();
  };
  const move = (right, down) => {
    const { size } = square();
    x += (right * size) / bitmap.width;
    y += (down * size) / bitmap.height;
    show();
  };

  range.addEventListener("input", () => {
    side = between(1 / Number(range.value), 1 / CLOSEST, 1);
    show();
  });
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const acts = {
      ArrowLeft: () => move(-step, 0),
      ArrowRight: () => move(step, 0),
      ArrowUp: () => move(0, -step),
      ArrowDown: () => move(0, step),
      "+": () => zoom(1.1),
      "-": () => zoom(1 / 1.1),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.08 : 1 / 1.08);
  }, { passive: false });

  const touching = new Map(); // one pointer drags, two zoom
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    touching.set(event.pointerId, event);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = touching.get(event.pointerId);
    if (!before) return;
    const apart = () => {
      const [one, other] = [...touching.values()];
      return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    };
    const was = touching.size === 2 ? apart() : 0;
    touching.set(event.pointerId, event);
    if (was) return zoom(apart() / was);
    const width = canvas.getBoundingClientRect().width;
    move((before.clientX - event.clientX) / width, (before.clientY - event.clientY) / width);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => touching.delete(event.pointerId));
  }

  const say = (text) => {
    told.textContent = text;
    told.hidden = !text;
  };

  const take = async () => {
    const [file] = input.files;
    camera?.();
    crop.hidden = true;
    fields.forEach((field) => (field.value = ""));
    say("");
    if (!file) return;
    try {
      bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return say(words.unreadable);
    }
    if (file.size > MOST_BYTES || bitmap.width * bitmap.height > MOST_PIXELS) await shrink();
    [side, x, y] = [1, 0.5, 0.5];
    crop.replaceChildren(canvas, label, hint);
    crop.hidden = false;
    show();
    canvas.focus({ preventScroll: true });
    crop.scrollIntoView({ block: "nearest" });
  };

  // A telephone's photograph is often more than is needed: send it smaller instead of refusing it.
  const shrink = async () => {
    const times = Math.min(1, SMALLER / Math.max(bitmap.width, bitmap.height));
    const sheet = element("canvas", { width: Math.round(bitmap.width * times), height: Math.round(bitmap.height * times) });
    const pen = sheet.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.drawImage(bitmap, 0, 0, sheet.width, sheet.height);
    bitmap = await createImageBitmap(sheet);
    give(await blob(sheet));
  };

  const give = (content) => {
    const carrier = new DataTransfer();
    carrier.items.add(new File([content], "picture.jpg", { type: "image/jpeg" }));
    input.files = carrier.files;
  };

  input.addEventListener("change", take);
  if (input.files.length) take(); // the browser came back to the page

  if (navigator.mediaDevices?.getUserMedia) {
    const open = element("button", { type: "button", className: "button button--quiet button--small" }, words.camera);
    drop.append(element("p", { className: "actions" }, open));
    open.addEventListener("click", () => shoot().catch(() => say(words.noCamera)));
  }

  const shoot = async () => {
    say("");
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
    const video = element("video", { srcObject: stream, muted: true, playsInline: true });
    const now = element("button", { type: "button", className: "button button--primary", disabled: true }, words.shoot);
    const stop = element("button", { type: "button", className: "button button--quiet" }, words.stop);
    camera?.();
    const close = () => {
      camera = null;
      save.hidden = false;
      stream.getTracks().forEach((track) => track.stop());
      crop.hidden = true;
      crop.replaceChildren();
    };
    crop.replaceChildren(video, element("p", { className: "actions" }, now, stop));
    crop.hidden = false;
    camera = close;
    save.hidden = true; // one thing to press at a time
    stop.addEventListener("click", close);
    try {
      await video.play(); // before it there is nothing to take
    } catch (error) {
      if (camera !== close) return; // turned off meanwhile
      close();
      throw error;
    }
    now.disabled = false;
    now.focus();
    now.addEventListener("click", async () => {
      const sheet = element("canvas", { width: video.videoWidth, height: video.videoHeight });
      const pen = sheet.getContext("2d");
      pen.translate(sheet.width, 0);
      pen.scale(-1, 1); // as in a mirror, which is what was seen
      pen.drawImage(video, 0, 0);
      close();
      give(await blob(sheet));
      await take();
    });
  };
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function between(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

function blob(canvas) {
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}
