/* The ask box: shows what engine.js ranks and meaning.js reads, in the page, in the header and in
   lists. Questions and entries only ever become text, never markup. The one script that every page
   loads; answers.js (keywords) comes when a visitor turns to a box, meaning.js when they have asked. */
(() => {
  "use strict";
  const here = new URL(".", document.currentScript.src);
  const root = new URL("../../", here);
  const onDisk = location.protocol === "file:";
  const FACETS = ["category", "stage", "framework", "architecture", "evidence"];
  const SHOWN = 5;
  const SHOWN_IN_HEADER = 3;
  // Milliseconds without a key after which what stands in the box counts as asked.
  const PAUSE = 700;
  // Longer questions go behind the #: servers refuse long addresses and never see that part.
  const LONG = 1500;
  const HEADLINES = {
    match: "This fits best",
    unsure: "Not sure. These come nearest; say more for a better answer",
    none: "Nothing here fits. The nearest entries are",
  };

  /* ---- Small things ---- */

  /** An element with attributes; children that are no elements become text. */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  /** An entry's sentence, as website/pages.py sets it: `code`, *stress*, and links for ids. */
  function prose(text, engine) {
    return text.split(/`([^`]+)`|(^|[\s(])\*([A-Za-z][A-Za-z ]*)\*(?!\w)/).flatMap((part, n) => {
      if (n % 2 === 0 || part === undefined) return part ?? [];
      if (n % 4 === 3) return make("em", {}, part);
      const entry = engine.entries.find(({ id }) => id === part);
      return entry ? make("a", { href: page(`kb/${part}/`) }, entry.title) : make("code", {}, part);
    });
  }

  function page(path) {
    return new URL(onDisk ? `${path}index.html` : path, root).href;
  }

  function megabytes(bytes) {
    return `${Math.round(bytes / 1e6)} MB`;
  }

  let loading;
  /** The engine, from answers.js; the same promise for all who ask. */
  function loadEngine() {
    loading ??= new Promise((resolve, reject) => {
      const script = make("script", { src: new URL("answers.js", here) });
      script.onload = resolve;
      script.onerror = () => reject(new Error("The entries could not be loaded. Is the network up?"));
      document.head.append(script);
    })
      .then(() => new dladvisor.Engine(dladvisor.data))
      .catch((error) => {
        loading = undefined;
        throw error;
      });
    return loading;
  }

  /* ---- Meaning: one worker for all boxes of a page ---- */

  const meaning = {
    state: "asleep", // asleep, loading, ready, failed
    progress: 0,
    reason: "",
    listeners: new Set(),
    waiting: new Map(),
    asked: 0,

    change(state, values = {}) {
      Object.assign(this, { state, ...values });
      for (const listener of this.listeners) listener();
    },

    /** Starts loading, once; what happens is told to the listeners. */
    load(wanted) {
      if (this.state !== "asleep") return;
      if (!wanted) return this.fail("this copy of the site was built without the encoder");
      if (onDisk) return this.fail("pages opened from a disk may not load the encoder");
      if (!globalThis.WebAssembly || !globalThis.DecompressionStream) {
        return this.fail("this browser is too old to run the encoder");
      }
      this.change("loading", { progress: 0 });
      try {
        this.worker = new Worker(new URL(wanted.files.worker.path, here), { type: "module" });
        this.worker.onerror = () => this.fail("this browser did not start the encoder");
        this.worker.onmessage = ({ data }) => this.receive(data);
        const { files, maxTokens, output } = wanted;
        this.worker.postMessage({ open: files, maxTokens, output });
      } catch {
        this.fail("this browser did not start the encoder");
      }
    },

    receive(data) {
      if (data.failed) this.fail(`the encoder could not be loaded (${data.failed})`);
      else if (data.progress) this.change("loading", { progress: data.progress });
      else if (data.ready) this.change("ready", { passages: data.ready });
      else {
        const resolve = this.waiting.get(data.id);
        this.waiting.delete(data.id);
        resolve?.({ ...data, passages: this.passages });
      }
    },

    fail(reason) {
      this.worker?.terminate();
      this.waiting.clear();
      this.change("failed", { reason });
    },

    retry(wanted) {
      this.state = "asleep";
      this.load(wanted);
    },

    /** Waits until it is ready; rejects when it cannot be. */
    settled() {
      return new Promise((resolve, reject) => {
        const look = () => {
          if (this.state === "loading") return;
          this.listeners.delete(look);
          if (this.state === "ready") resolve();
          else reject(new Error(`The encoder is not there: ${this.reason}`));
        };
        this.listeners.add(look);
        look();
      });
    },

    read(text) {
      const id = ++this.asked;
      return new Promise((resolve) => {
        this.waiting.set(id, resolve);
        this.worker.postMessage({ id, text });
      });
    },
  };

  /* ---- Facets ---- */

  /** Entries without a facet's value fit if they are for `any`. */
  function fits(entry, chosen, except) {
    return FACETS.every((facet) => {
      const wanted = facet === except ? "" : chosen[facet];
      return !wanted || entry[facet].includes(wanted) || entry[facet].includes("any");
    });
  }

  function names(entry, chosen, except) {
    return FACETS.every((facet) => {
      const wanted = facet === except ? "" : chosen[facet];
      return !wanted || entry[facet].includes(wanted);
    });
  }

  /** The chosen facets in an address. */
  function chosenIn(address) {
    const values = new URL(address).searchParams;
    return Object.fromEntries(FACETS.map((facet) => [facet, values.get(facet) ?? ""]));
  }

  /** Writes how many entries each value would leave, beside the value. */
  function count(selects, entries, chosen, passes) {
    for (const select of selects) {
      const facet = select.name;
      for (const option of select.options) {
        if (!option.value) continue;
        const left = entries.filter(
          (entry) => passes(entry, chosen, facet) && entry[facet].includes(option.value),
        ).length;
        option.textContent = `${option.value} (${left})`;
        option.disabled = !left && option.value !== chosen[facet];
      }
      select.value = chosen[facet];
    }
  }

  function facetSelects(entries) {
    return FACETS.map((facet) => {
      const values = new Set(entries.flatMap((entry) => entry[facet]));
      values.delete("any");
      const options = [...values].sort().map((value) => make("option", { value }, value));
      return make("label", {}, `${facet[0].toUpperCase()}${facet.slice(1)} `,
        make("select", { name: facet }, make("option", { value: "" }, "all"), ...options));
    });
  }

  /* ---- The box ---- */

  class Box {
    constructor(element, { inHeader = false } = {}) {
      this.element = element;
      this.inHeader = inHeader;
      this.input = element.querySelector("[data-ask-input]");
      this.form = element.querySelector("form");
      this.chosen = inHeader ? {} : chosenIn(location.href);
      this.asked = "";
      this.engaged = false;
      this.build();
      this.listen();
      if (!inHeader) this.restore();
    }

    build() {
      this.element.dataset.stage = "keywords";
      this.element.dataset.verdict = "";
      this.status = make("p", { class: "ask-status", role: "status" });
      this.headline = make("p", { class: "ask-headline" });
      this.stage = make("p", { class: "ask-stage" });
      this.list = make("ol", { class: "ask-results", "aria-label": "Entries, best first" });
      // What screen readers say once an answer stands; not while somebody types.
      this.said = make("p", { class: "ask-said", role: "status" });
      this.answer = make("div", { class: "ask-answer", hidden: "" },
        this.headline, this.stage, this.list);
      this.facets = make("details", { class: "ask-facets" },
        make("summary", {}, "Only entries for a framework, stage, model or category"));
      if (!this.inHeader) this.form.after(this.facets);
      this.element.append(this.status, this.said, this.answer);
    }

    listen() {
      const { input, form, list } = this;
      input.addEventListener("focus", () => this.open().catch(() => {}), { once: true });
      input.addEventListener("input", () => {
        this.show();
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.settle(), PAUSE);
      });
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          form.requestSubmit();
        }
      });
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.submit();
      });
      this.element.addEventListener("keydown", (event) => this.move(event));
      for (const kind of ["pointermove", "focusin", "touchmove", "wheel"]) {
        list.addEventListener(kind, () => (this.engaged = true), { passive: true });
      }
      addEventListener("scroll", () => (this.engaged ||= scrollY > 40), { passive: true });
      this.facets.addEventListener("toggle", () => this.fillFacets());
      this.facets.addEventListener("change", ({ target }) => {
        // What was typed so far is a place of its own to come back to.
        this.remember("replace");
        this.chosen = { ...this.chosen, [target.name]: target.value };
        this.fillFacets();
        this.remember("push");
        this.show();
      });
      if (!this.inHeader) addEventListener("popstate", () => this.restore());
      meaning.listeners.add(() => this.meaningChanged());
    }

    async open() {
      this.engine ??= await loadEngine();
      return this.engine;
    }

    /** Enter or the button: in the header on to the page Ask, else here and now. */
    submit() {
      clearTimeout(this.timer);
      if (this.inHeader) {
        // Behind the #, so that no server gets it; the page Ask moves it into its own address.
        const question = new URLSearchParams({ q: this.input.value.trim() });
        if (question.get("q")) location.assign(`${page("ask/")}#${question}`);
        return;
      }
      this.remember("push");
      this.show({ asked: true });
    }

    /** Nobody has typed for a while: the question counts as asked. */
    settle() {
      // In the header people also look up a word; 30 MB are for a question.
      if (this.inHeader && this.input.value.trim().split(/\s+/).length < 3) return;
      this.remember("replace");
      this.read();
      this.say();
    }

    say() {
      const first = this.list.querySelector(".ask-title")?.textContent ?? "";
      this.said.textContent = this.answer.hidden ? "" : `${this.headline.textContent} ${first}`;
    }

    /** Question and facets as the address has them. */
    restore() {
      const url = new URL(location.href);
      const hash = url.hash.startsWith("#q=") ? new URLSearchParams(url.hash.slice(1)) : undefined;
      this.chosen = chosenIn(location.href);
      this.input.value = hash?.get("q") ?? url.searchParams.get("q") ?? "";
      this.fitHeight();
      if (Object.values(this.chosen).some(Boolean)) this.facets.open = true;
      this.fillFacets().catch(() => {});
      if (hash) this.remember("replace");
      if (this.input.value.trim()) this.show({ asked: true });
      else this.clear();
    }

    remember(how) {
      if (this.inHeader) return;
      const next = address(location.href, this.input.value.trim(), this.chosen);
      if (next !== location.href) history[`${how}State`](null, "", next);
    }

    fitHeight() {
      this.input.style.height = "auto";
      this.input.style.height = `${Math.min(this.input.scrollHeight + 2, innerHeight / 2)}px`;
    }

    clear(sentence = "") {
      this.asked = "";
      this.said.textContent = "";
      this.answer.hidden = true;
      this.status.textContent = sentence;
      this.element.dataset.verdict = "";
      this.element.dataset.stage = "keywords";
      this.element.classList.remove("has-answer");
    }

    /** Ranks what stands in the box: by meaning if it was read already, else by keywords. */
    async show({ asked = false } = {}) {
      const turn = (this.turn = (this.turn ?? 0) + 1);
      let engine;
      try {
        engine = await this.open();
      } catch (error) {
        return this.clear(error.message);
      }
      // Programs that type line by line raise hundreds of events at once: the last one counts.
      if (turn !== this.turn) return undefined;
      this.fitHeight();
      // An address may be old or mistyped: what no entry has is no filter.
      for (const facet of FACETS) {
        const known = engine.entries.some((entry) => entry[facet].includes(this.chosen[facet]));
        if (this.chosen[facet] && !known) this.chosen[facet] = "";
      }
      const question = engine.read(this.input.value);
      if (question.error) return this.clear(question.error === "empty" ? "" : question.error);
      if (question.text !== this.asked) {
        this.asked = question.text;
        this.engaged = false;
        this.found = null;
      }
      this.note = question.note;
      this.render(this.rank());
      if (asked) this.read();
    }

    rank() {
      return this.engine.ask(this.asked, {
        meaning: this.found,
        top: this.inHeader ? SHOWN_IN_HEADER : SHOWN,
        fits: (entry) => fits(entry, this.chosen),
      });
    }

    /** The second stage: loads it if need be, then ranks again. */
    async read() {
      if (!this.asked || this.found) return;
      this.wanted = this.asked;
      if (meaning.state === "asleep") {
        // Whoever saves data decides; everybody else has asked for an answer.
        if (navigator.connection?.saveData && !this.agreed) return this.showStage();
        meaning.load(this.engine.data.meaning);
      }
      if (meaning.state !== "ready") return this.showStage();
      const text = this.asked;
      const since = performance.now();
      const found = await meaning.read(this.engine.gist(text));
      if (text !== this.asked) return undefined;
      this.found = found;
      return this.showMeaning(performance.now() - since);
    }

    meaningChanged() {
      this.showStage();
      if (meaning.state === "ready" && this.wanted && this.wanted === this.asked) this.read();
    }

    /** Puts the better order in place, unless that would move what somebody is reading. */
    showMeaning() {
      const answer = this.rank();
      const same = answer.matches.every((match, n) => match.entry.id === this.order?.[n]);
      if (this.engaged && !same) {
        const button = make("button", { type: "button", class: "ask-reorder" }, "Show the new order");
        button.addEventListener("click", () => {
          this.engaged = false;
          this.render(this.rank());
          this.list.querySelector("a")?.focus();
        });
        this.stage.replaceChildren("Read for meaning too: the order changed. ", button);
        return;
      }
      this.render(answer);
      this.say();
    }

    render(answer) {
      const { element, list } = this;
      // Held while the entries are exchanged, so that nothing below jumps.
      list.style.minHeight = this.answer.hidden ? "" : `${list.offsetHeight}px`;
      this.order = answer.matches.map((match) => match.entry.id);
      const focused = list.contains(document.activeElement)
        ? document.activeElement.closest("[data-entry-id]")?.dataset.entryId : undefined;
      list.replaceChildren(
        ...answer.matches.map((match, n) => this.item(match, n + 1, answer.verdict)));
      element.dataset.stage = answer.stage;
      element.dataset.verdict = answer.verdict;
      element.classList.add("has-answer");
      this.answer.hidden = false;
      this.headline.textContent = answer.matches.length
        ? `${HEADLINES[answer.verdict]}:` : "No entry passes these filters.";
      this.status.textContent = this.note ?? "";
      this.showStage();
      if (focused) list.querySelector(`[data-entry-id="${CSS.escape(focused)}"] a`)?.focus();
      requestAnimationFrame(() => (list.style.minHeight = ""));
      this.element.dispatchEvent(new CustomEvent("dladvisor:answer", { detail: answer, bubbles: true }));
    }

    item({ entry, probability, likelihood, why }, rank, verdict) {
      const { engine } = this;
      const chance = `${likelihood}, ${Math.round(probability * 100)}%`;
      // A quoted message and a symptom that sounds like it say more than single words.
      const reasons = why.slice(0, 2).flatMap(([what, text], n) => [
        n ? " · " : "", make("span", { class: "ask-label" }, `${what}: `), text,
      ]);
      return make("li", { "data-entry-id": entry.id, "data-rank": rank },
        make(this.inHeader ? "p" : "h2", { class: "ask-title" }, make("a", { href: page(`kb/${entry.id}/`) }, entry.title),
          // The space is for screen readers.
          " ", make("span", { class: "ask-chance" }, chance)),
        make("p", { class: "ask-why" }, ...reasons),
        make("p", {}, ...prose(entry.cause, engine)),
        // What fits nothing needs no steps.
        ...(verdict === "none" ? [] : [make("p", { class: "ask-check" }, make("strong", {}, "Check "),
          ...prose(entry.check[0], engine), make("em", {}, " Expect: "), ...prose(entry.check[1], engine))]),
        ...(verdict === "none" || rank > 1 || this.inHeader ? [] : [make("p", { class: "ask-fix" },
          make("strong", {}, "Fix "), ...prose(entry.remedy, engine))]));
    }

    /** One line on how far the answer has been read, and what can be done about it. */
    showStage() {
      if (this.answer.hidden) return;
      const { state, progress, reason } = meaning;
      const wanted = this.engine?.data.meaning;
      const button = (text, act) => {
        const made = make("button", { type: "button" }, text);
        made.addEventListener("click", act);
        return made;
      };
      let parts = [];
      if (this.element.dataset.stage === "meaning") {
        parts = ["Ranked by keywords and meaning, as in the terminal."];
      } else if (state === "failed") {
        parts = [`Ranked by keywords only: ${reason}. `];
        if (wanted && !onDisk) parts.push(button("Try again", () => meaning.retry(wanted)));
      } else if (state === "loading") {
        const percent = Math.round(progress * 100);
        const bar = make("progress", { max: 100, value: percent, "aria-label": "Loading the encoder" });
        parts = ["Ranked by keywords. Loading what reads for meaning ", bar,
          ` ${percent}% of ${megabytes(wanted.bytes)}, kept for your next visit.`];
      } else if (navigator.connection?.saveData && state === "asleep") {
        parts = ["Ranked by keywords. ", button(`Read for meaning too (${megabytes(wanted.bytes)})`, () => {
          this.agreed = true;
          this.read();
        })];
      } else {
        parts = ["Ranked by keywords."];
      }
      this.stage.replaceChildren(...parts);
    }

    async fillFacets() {
      if (!this.facets.open) return;
      const { entries } = await this.open();
      this.selects ??= facetSelects(entries);
      if (!this.selects[0].isConnected) {
        this.facets.append(make("div", {}, ...this.selects),
          make("p", {}, "Entries for any framework, stage or model stay in."));
      }
      const selects = this.selects.map((label) => label.querySelector("select"));
      count(selects, entries, this.chosen, fits);
    }

    /** Arrow keys walk from the box through the entries, Escape leads back. */
    move(event) {
      const links = [...this.list.querySelectorAll(".ask-title a")];
      const at = links.indexOf(document.activeElement);
      const atEnd = this.input.selectionStart === this.input.value.length;
      if (event.key === "Escape") {
        if (this.inHeader) this.clear();
        if (at >= 0) this.input.focus();
        else this.input.blur();
      } else if (event.key === "ArrowDown" && (at >= 0 || (event.target === this.input && atEnd))) {
        links[at + 1]?.focus();
      } else if (event.key === "ArrowUp" && at >= 0) {
        (links[at - 1] ?? this.input).focus();
      } else {
        return;
      }
      event.preventDefault();
    }
  }

  /** An address with the question and facets. */
  function address(base, question, chosen) {
    const url = new URL(base);
    url.hash = "";
    url.searchParams.delete("q");
    for (const facet of FACETS) url.searchParams.delete(facet);
    if (question && question.length <= LONG) url.searchParams.set("q", question);
    for (const [facet, value] of Object.entries(chosen)) if (value) url.searchParams.set(facet, value);
    if (question.length > LONG) url.hash = new URLSearchParams({ q: question }).toString();
    return url.href;
  }

  /* ---- Lists: facets narrow what a page lists ---- */

  async function narrow(form, chosen) {
    const { entries } = await loadEngine();
    const byId = new Map(entries.map((entry) => [entry.id, entry]));
    const items = [];
    for (const link of document.querySelectorAll("article li > a, article li > p > a")) {
      const entry = byId.get(link.pathname.replace(/(?:index\.html|\/)+$/, "").split("/").pop());
      if (entry) items.push([link.closest("li"), entry]);
    }
    const listed = [...new Set(items.map(([, entry]) => entry))];
    let shown = 0;
    for (const [item, entry] of items) {
      item.hidden = !names(entry, chosen);
      shown += !item.hidden;
    }
    for (const list of document.querySelectorAll("article ul")) {
      const heading = list.previousElementSibling;
      if (!items.some(([item]) => list.contains(item))) continue;
      const left = [...list.children].filter((item) => !item.hidden).length;
      list.hidden = !left;
      if (!heading?.matches("h2")) continue;
      heading.hidden = !left;
      const counted = heading.firstChild.data.replace(/\(\d+\)/, `(${left})`);
      heading.firstChild.data = counted;
      for (const link of document.querySelectorAll(`.md-nav a[href="#${CSS.escape(heading.id)}"]`)) {
        link.closest("li").hidden = !left;
        (link.querySelector(".md-ellipsis") ?? link).textContent = counted.trim();
      }
    }
    count(form.querySelectorAll("select"), listed, chosen, names);
    form.querySelector("output").textContent =
      Object.values(chosen).some(Boolean) ? `${shown} of ${items.length} shown` : "";
  }

  function narrowable(form) {
    const apply = () => narrow(form, chosenIn(location.href)).catch(() => {});
    form.addEventListener("change", ({ target }) => {
      const chosen = { ...chosenIn(location.href), [target.name]: target.value };
      history.pushState(null, "", address(location.href, "", chosen));
      apply();
    });
    form.addEventListener("reset", () => {
      history.pushState(null, "", address(location.href, "", {}));
      apply();
    });
    addEventListener("popstate", apply);
    if (Object.values(chosenIn(location.href)).some(Boolean)) apply();
  }

  /* ---- Every page ---- */

  /** A box in the header, except where the page has its own: there `/` and a link lead to that. */
  function addToHeader(own) {
    const header = document.querySelector(".md-header__inner") ?? document.querySelector("header");
    if (!header) return undefined;
    const link = make("a", { class: "ask-open", href: page("ask/"), title: "Ask (press /)" }, "Ask");
    const place = header.querySelector(".md-header__title")?.nextElementSibling ?? null;
    if (own) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        focusOn(own);
      });
      link.classList.add("ask-open--own");
      header.insertBefore(link, place);
      return own;
    }
    const element = make("div", { class: "ask ask--header", "data-ask": "" },
      make("form", { role: "search", action: page("ask/") },
        make("textarea", { "data-ask-input": "", name: "q", rows: 1, "aria-label": "Ask: what do you see?",
          placeholder: "What do you see?", autocomplete: "off", spellcheck: "false" }),
        make("kbd", { "aria-hidden": "true" }, "/")));
    header.insertBefore(element, place);
    header.insertBefore(link, place);
    const box = new Box(element, { inHeader: true });
    addEventListener("click", (event) => {
      if (!element.contains(event.target)) box.clear();
    });
    return box;
  }

  function focusOn(box) {
    box.input.focus();
    box.input.select();
    box.element.scrollIntoView({ block: "nearest" });
  }

  document.documentElement.classList.add("asks");
  const element = document.querySelector("article [data-ask], main [data-ask]");
  const own = element ? new Box(element) : undefined;
  const main = addToHeader(own);
  for (const form of document.querySelectorAll("[data-facets]")) narrowable(form);

  // Before the theme's own keys, some of which open its search.
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || !main) return;
    event.preventDefault();
    event.stopPropagation();
    if (main.input.offsetParent) focusOn(main);
    else location.assign(page("ask/"));
  }, { capture: true });

  // Browsers show a folder's listing for links that end in a slash.
  if (onDisk) {
    addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href]");
      if (link?.protocol === "file:" && link.pathname.endsWith("/")) link.pathname += "index.html";
    }, { capture: true });
  }

  /** For programs: the answer as an object much like that of `dladvisor ask --json`, with both
      stages unless {stage: "keywords"}. Rejects with a sentence when it cannot. */
  async function ask(raw, { top = SHOWN, stage = "meaning", ...chosen } = {}) {
    const engine = await loadEngine();
    const question = engine.read(raw);
    if (question.error) throw new Error(`No question: ${question.error}`);
    let found = null;
    if (stage === "meaning") {
      meaning.load(engine.data.meaning);
      await meaning.settled();
      found = await meaning.read(engine.gist(question.text));
    }
    const wanted = { ...chosenIn(root), ...chosen };
    const answer = engine.ask(question.text, { meaning: found, top, fits: (entry) => fits(entry, wanted) });
    return {
      schema: 1,
      question: question.text,
      stage: answer.stage,
      verdict: answer.verdict,
      matches: answer.matches.map(({ entry, probability, why, features }) => ({
        id: entry.id, title: entry.title, probability, why: why.map((reason) => reason.join(": ")),
        cause: entry.cause, url: page(`kb/${entry.id}/`), features,
      })),
    };
  }

  (globalThis.dladvisor ??= {}).ask = ask;
})();
