"use strict";
// The sandbox page: rooms on the left of the wire, the bot on the other. No library, no build step.

const byId = (id) => document.getElementById(id);
const STATUS_WORDS = { answer: "回答了", tip: "收下线索，通知值班民警", emergency: "判为紧急，通知值班民警",
  status: "查进度", menu: "给了菜单", human: "转人工，通知值班民警", silent: "不出声" };
const EXAMPLES = {
  group: ["反诈热线是多少", "@安全助手 群里让扫码交资料费是真的吗", "今天作业是第几页", "收到"],
  parent: ["孩子电动车能在楼道充电吗", "举报：北门小店卖电子烟给学生，中午都在", "我刚转了钱给骗子怎么办", "人工"],
  student: ["有人拿我照片威胁我要钱", "聪明药能吃吗", "举报会不会被别人知道"],
  teacher: ["有人冒充我在群里收钱", "孩子电动车能在楼道充电吗", "人工"],
  officer: ["登录"],
};
const ADDRESS = /(https?:\/\/[\w.:\/-]+)/;
const CALLS = new Set(["tip", "emergency", "human"]);
const DONE = new Set(["sent", "failed", "unconfirmed", "expired", "cancelled"]);
let cells = {};
const STRANDED = new Set(["unconfirmed", "failed", "expired"]);
let strip = null;
const statuses = {};

function fillRooms(groups, officers) {
  const select = byId("room");
  const sections = [["私聊", [["private:parent", "家长和机器人私聊", "parent"], ["private:student", "学生和机器人私聊", "student"],
    ["private:teacher", "班主任和机器人私聊", "teacher"], ...officers.map((o) => [o.room, `${o.name}的手机`, "officer"])]]];
  const byGrade = new Map();
  for (const group of groups) {
    const grade = group.kind === "campus" ? "校园总群" : group.grade || "其他";
    if (!byGrade.has(grade)) byGrade.set(grade, []);
    byGrade.get(grade).push([group.room, group.name, ""]);
  }
  const campus = byGrade.get("校园总群");
  byGrade.delete("校园总群");
  if (campus) sections.unshift(["校园总群", campus]);
  for (const [label, options] of [...sections, ...byGrade]) {
    const section = document.createElement("optgroup");
    section.label = label;
    for (const [value, name, role] of options) {
      const option = new Option(name, value);
      option.dataset.role = role;
      section.append(option);
    }
    select.append(section);
  }
}

function fillStrip(groups) {
  const ordered = [...groups].sort((a, b) => (a.kind === "campus" ? -1 : b.kind === "campus" ? 1 : 0));
  for (const group of ordered) {
    const cell = document.createElement("i");
    cell.title = group.name;
    if (group.kind === "campus") cell.classList.add("campus");
    cell.addEventListener("click", () => { byId("room").value = group.room; changeRoom(); });
    cells[group.room] = cell;
    byId("strip").append(cell);
  }
}

// After a tip: the way to the phones of those who are called, where the notice arrives within a second.
function showPhones() {
  const phones = [...byId("room").options].filter((option) => option.dataset.role === "officer");
  const buttons = phones.map((option) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `去看${option.textContent}`;
    button.addEventListener("click", () => { byId("room").value = option.value; changeRoom(); });
    return button;
  });
  byId("examples").replaceChildren(...buttons);
}

function showStrip(news) {
  if (!news) return;
  if (!strip || strip.id !== news.id) {
    for (const room in cells) { cells[room].className = cells[room].classList.contains("campus") ? "campus" : ""; delete statuses[room]; }
  }
  strip = { ...news };
  for (const [room, status] of Object.entries(news.cells)) {
    statuses[room] = status;
    const cell = cells[room];
    if (!cell) continue;
    cell.className = (cell.classList.contains("campus") ? "campus " : "") + status;
  }
  const all = Object.values(statuses);
  const sent = all.filter((one) => one === "sent").length;
  const bad = all.filter((one) => DONE.has(one) && one !== "sent").length;
  const stranded = all.filter((one) => STRANDED.has(one)).length;
  byId("resend").hidden = stranded === 0;
  byId("resend").textContent = `${stranded} 个群没送到或没回音，再发一次`;
  byId("progress").textContent = `第 ${news.id} 次推送：${sent} / ${all.length} 个群已送到` + (bad ? `，${bad} 个没送到` : "") + `。「${news.text}」`;
}

async function resend() {
  byId("resend").disabled = true;
  await fetch(`/sandbox/broadcasts/${strip.id}/resend`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  byId("resend").disabled = false;
}

function addLine(line) {
  const list = byId("lines");
  const empty = list.querySelector(".empty");
  if (empty) empty.remove();
  const item = document.createElement("li");
  item.className = line.author === "bot" ? "bot" : "person";
  const head = document.createElement("small");
  head.textContent = (line.author === "bot" ? "机器人" : line.name) + " " + line.at;
  const words = document.createElement("span");
  words.append(...(line.author === "bot" ? withLinks(line.words) : [line.words]));
  const picture = line.author === "bot" && /^\[图片\] ([\w-]+)$/.exec(line.words);
  if (picture) {
    const image = document.createElement("img");
    image.src = `/sandbox/pictures/${picture[1]}`;
    image.alt = "图片（警报结束后就删掉）";
    image.style.maxWidth = "100%";
    words.replaceChildren(image);
  }
  item.append(head, words);
  list.append(item);
  list.scrollTop = list.scrollHeight;
}

// An officer's phone opens what is touched; here it is another tab, so that the rooms stay.
function withLinks(words) {
  return words.split(ADDRESS).map((piece, number) => {
    if (number % 2 === 0) return piece;
    const link = document.createElement("a");
    link.href = piece;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = piece;
    return link;
  });
}

async function changeRoom() {
  const option = byId("room").selectedOptions[0];
  const fixed = option.dataset.role;
  if (fixed) byId("role").value = fixed;
  byId("role").disabled = Boolean(fixed);
  byId("verdict").textContent = "";
  const room = option.value;
  showExamples(fixed || "group");
  const lines = await (await fetch(`/sandbox/rooms/${encodeURIComponent(room)}`)).json();
  if (byId("room").value !== room) return; // another room was chosen meanwhile
  byId("lines").replaceChildren();
  if (!lines.length) {
    const empty = document.createElement("li");
    empty.className = "empty";
    empty.textContent = "还没有人说话";
    byId("lines").append(empty);
  }
  lines.forEach(addLine);
  if (fixed === "officer") showExamples("officer", lines);
  shown = new Set(lines.map((line) => line.id));
}
let shown = new Set();

function showExamples(kind, lines = []) {
  const codes = lines.map((line) => /[2-9A-Z]{4}-[2-9A-Z]{4}/.exec(line.words)).filter(Boolean);
  const texts = kind === "officer" && codes.length ? [`接 ${codes.at(-1)[0]}`, ...EXAMPLES.officer] : EXAMPLES[kind] || EXAMPLES.parent;
  const buttons = texts.map((text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => { byId("text").value = text; byId("text").focus(); });
    return button;
  });
  byId("examples").replaceChildren(...buttons);
}

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

byId("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (!text) return;
  byId("text").value = "";
  try {
    const said = await post("/sandbox/messages", { room: byId("room").value, role: byId("role").value, text });
    byId("verdict").textContent = `机器人：${byId("role").value === "officer" && said.action === "status" ? "回了民警" : STATUS_WORDS[said.action] || said.action}`;
    if (CALLS.has(said.action)) showPhones();
  } catch {
    byId("text").value = text;
    byId("verdict").textContent = "没发出去，再试一次。";
  }
});

byId("fire").addEventListener("click", async () => {
  byId("fire").disabled = true;
  try {
    await post("/sandbox/campaigns/next", {});
    showNext((await (await fetch("/sandbox/state")).json()).next);
  } catch {
    byId("next").textContent = "日历里没有下一条推送。";
  } finally {
    setTimeout(() => { byId("fire").disabled = false; }, 1000);
  }
});

byId("room").addEventListener("change", changeRoom);

function showNext(next) {
  byId("next").textContent = next ? `日历上的下一条：${next.at}「${next.title}」` : "日历里没有下一条推送。";
}

async function start() {
  const state = await (await fetch("/sandbox/state")).json();
  fillRooms(state.groups, state.officers);
  fillStrip(state.groups);
  showStrip(state.strip);
  showNext(state.next);
  await changeRoom();
  let last = state.last;
  const listen = () => {
    const events = new EventSource(`/sandbox/events?after=${last}`);
    events.addEventListener("line", (event) => {
      const line = JSON.parse(event.data);
      last = Math.max(last, line.id);
      if (line.room === byId("room").value && !shown.has(line.id)) { shown.add(line.id); addLine(line); }
    });
    events.addEventListener("strip", (event) => showStrip(JSON.parse(event.data)));
    events.onerror = () => { events.close(); setTimeout(listen, 1500); };
  };
  listen();
  byId("resend").addEventListener("click", resend);
}
start();
