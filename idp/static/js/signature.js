// The signature: a surface to write on, and how a typed name looks while it is typed. What was written is sent as
// points and widths; the server draws it anew.

const INK = "rgb(59 111 224)"; // as the server draws
const THIN = 1.5;
const THICK = 4.4;

const box = document.querySelector("[data-draw]");
if (box) drawing(box);

const name = document.querySelector("input[name=name]");
if (name) typing(name);

function drawing(box) {
  box.hidden = false;
  const canvas = box.querySelector("canvas");
  const form = box.closest("form");
  const [undo, clear, save] = ["undo", "clear", "save"].map((part) => box.querySelector(`[data-${part}]`));
  const status = box.querySelector("[data-status]");
  const most = Number(box.dataset.most) - 100;
  let strokes = [];
  let points = 0;

  const pen = canvas.getContext("2d");
  const fit = () => {
    const ratio = Math.max(1, devicePixelRatio);
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = pen.fillStyle = INK;
    strokes.forEach(trace);
  };

  const trace = (stroke) => stroke.forEach((_point, index) => join(stroke, index));

  // From the middle before a point to the middle behind it, the point itself bending the line.
  const join = (stroke, index) => {
    const here = stroke[index];
    if (index === 0) {
      pen.beginPath();
      pen.arc(here[0], here[1], here[2] / 2, 0, Math.PI * 2);
      pen.fill();
      return;
    }
    const before = stroke[index - 1];
    const start = index > 1 ? middle(stroke[index - 2], before) : before;
    const end = middle(before, here);
    pen.lineWidth = (before[2] + here[2]) / 2;
    pen.beginPath();
    pen.moveTo(start[0], start[1]);
    pen.quadraticCurveTo(before[0], before[1], end[0], end[1]);
    pen.stroke();
  };

  const tell = () => {
    for (const button of [undo, clear, save]) button.disabled = !strokes.length;
    const text = { 0: status.dataset.none, 1: status.dataset.one }[strokes.length] ?? status.dataset.many;
    status.textContent = text.replace("{count}", strokes.length);
  };

  let stroke = null;
  const add = (event) => {
    const frame = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const last = stroke.at(-1);
    const far = last ? Math.hypot(x - last[0], y - last[1]) : 0;
    if ((last && far < 1.5) || points >= most) return;
    // A pen tells how hard it is pressed; of a finger or a mouse, speed tells as much.
    const wish = event.pointerType === "pen" && event.pressure ? event.pressure : 1 - Math.min(1, far / 28);
    const width = last ? last[2] * 0.6 + (THIN + (THICK - THIN) * wish) * 0.4 : (THIN + THICK) / 2;
    stroke.push([round(x), round(y), round(width)]);
    points += 1;
    join(stroke, stroke.length - 1);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (stroke || event.button > 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    stroke = Object.assign([], { pointer: event.pointerId });
    add(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (stroke?.pointer !== event.pointerId) return;
    const all = event.getCoalescedEvents?.() ?? [];
    (all.length ? all : [event]).forEach(add);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (stroke?.pointer !== event.pointerId) return;
      strokes.push(stroke);
      stroke = null;
      tell();
    });
  }

  undo.addEventListener("click", () => {
    points -= strokes.pop()?.length ?? 0;
    again();
  });
  clear.addEventListener("click", () => {
    strokes = [];
    points = 0;
    again();
  });
  const again = () => {
    fit();
    tell();
    if (!strokes.length) canvas.scrollIntoView({ block: "nearest" });
  };
  form.addEventListener("submit", () => (form.elements.strokes.value = JSON.stringify(strokes)));
  addEventListener("resize", fit);
  fit();
}

function typing(input) {
  const images = [...document.querySelectorAll("img[data-style]")];
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const text = input.value.trim();
      if (!text) return;
      for (const image of images) {
        const query = new URLSearchParams({ name: text, style: image.dataset.style });
        image.src = `/account/signature/preview?${query}`;
      }
    }, 350);
  });
}

function middle(one, other) {
  return [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
}

function round(value) {
  return Math.round(value * 10) / 10;
}
