/* What a question's own words and numbers say was observed, and how that agrees with each entry:
   advisor/observed.py, curves.py and signs.py. The tables come from keywords.py. */
(() => {
  "use strict";
  const dladvisor = (globalThis.dladvisor ??= {});

  /* ---- Courses of numbers: advisor/curves.py ---- */

  const NUMBER = String.raw`[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf(?:inity)?)\b`;
  const PAIR = new RegExp(
    String.raw`(loss|acc(?:uracy)?|grad(?:ient)?[_ ]?norm)['"]?[\t ]*[:=|]?[\t ]*(${NUMBER})`, "g");
  const LIST = new RegExp(
    String.raw`loss[^\d\n]{0,16}?[ \t\n\r:=\[(]((?:${NUMBER}[,; ]+(?:->|→)?[ \t\n\r]*){2,}${NUMBER})`,
    "g");
  const NUMBERS = new RegExp(NUMBER, "g");
  const HELD_OUT = /(?:val|valid|validation|eval|evaluation|test|dev)[\W_]{0,2}$/;
  const OTHER_LOSS = /(?:[a-z]_|aux\w*[\W_]?|value[\W_]?|policy[\W_]?|entropy[\W_]?)$/;
  const TRAINED = /(?:train|training)[\W_]{0,2}$/;

  function valueOf(number) {
    const word = number.replace(/^[-+]/, "");
    if (word === "nan") return NaN;
    if (word.startsWith("inf")) return number.startsWith("-") ? -Infinity : Infinity;
    return Number(number);
  }

  function nameOf(word, before) {
    if (word.startsWith("grad")) return "gradients";
    const heldOut = HELD_OUT.test(before);
    const trained = TRAINED.test(before);
    if (word === "loss") {
      if (!heldOut && !trained && OTHER_LOSS.test(before)) return "";
      return heldOut ? "val_loss" : "train_loss";
    }
    return heldOut ? "val_metric" : trained ? "train_metric" : "metric";
  }

  const before = (text, match) => text.slice(Math.max(match.index - 12, 0), match.index);

  function coursesOf(text, { most, fewest }) {
    const found = new Map();
    for (const match of text.matchAll(PAIR)) {
      const name = nameOf(match[1], before(text, match));
      if (!name) continue;
      if (!found.has(name)) found.set(name, []);
      found.get(name).push(valueOf(match[2]));
    }
    for (const [name, values] of tablesOf(text)) {
      if (values.length > (found.get(name)?.length ?? 0)) found.set(name, values);
    }
    if ((found.get("train_loss")?.length ?? 0) < fewest) {
      for (const match of text.matchAll(LIST)) {
        const values = match[1].match(NUMBERS).map(valueOf);
        found.set(nameOf("loss", before(text, match)) || "train_loss", values);
      }
    }
    for (const [name, values] of found) {
      if (values.length <= most) continue;
      const step = Math.floor(values.length / most) + 1;
      found.set(name, values.filter((_, n) => n % step === 0));
    }
    return found;
  }

  function tablesOf(text) {
    const found = new Map();
    const lines = text.split("\n");
    for (const [place, line] of lines.entries()) {
      if (!line.includes("loss") || line.length > 200 || /[0-9]/.test(line)) continue;
      let cells = line.split(/[|,\t]| {2,}/).filter((cell) => /[^ \t\r]/.test(cell));
      if (cells.length < 2) cells = line.match(/[^ \t\r]+/g) ?? [];
      const names = cells.map((cell) => {
        const word = cell.includes("loss") ? "loss" : cell.includes("acc") ? "acc" : "";
        return word ? nameOf(word, cell.slice(0, cell.indexOf(word))) : "";
      });
      for (const row of lines.slice(place + 1)) {
        const numbers = row.match(NUMBERS) ?? [];
        if (numbers.length !== names.length) {
          if (numbers.length) break;
          continue;
        }
        names.forEach((name, n) => {
          if (!name) return;
          if (!found.has(name)) found.set(name, []);
          found.get(name).push(valueOf(numbers[n]));
        });
      }
    }
    return found;
  }

  const most = (values) => values.reduce((a, b) => (b > a ? b : a));
  const least = (values) => values.reduce((a, b) => (b < a ? b : a));
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const differences = (values) => values.slice(1).map((value, n) => value - values[n]);

  function shapeOf(values, { fewest, steady, trend, spike, swing, climb }) {
    if (!values.every(Number.isFinite)) return "nan";
    if (values.length < fewest) return "";
    if (values.slice(-fewest).every((value) => value === 0)) return "zero";
    if ((values.at(-1) < 0 && values[0] >= 0) || most(values) < 0) return "negative";
    const sizes = values.map(Math.abs).sort((a, b) => a - b);
    const size = sizes[Math.floor(values.length / 2)] || 1e-12;
    if (most(values) - least(values) <= steady * size) return "flat";
    const inner = values.length > 4 ? values.slice(1, -1) : [];
    if (inner.length && most(inner) > spike * size && values.at(-1) < most(inner) / 2) {
      const peak = values.indexOf(most(inner));
      if (values[peak] > (spike / 2) * values.at(peak - 1)) return "spiking";
    }
    const third = Math.max(Math.floor(values.length / 3), 1);
    const first = sum(values.slice(0, third)) / third;
    const last = sum(values.slice(-third)) / third;
    const steps = differences(values);
    const turns = steps.slice(1).filter((step, n) => steps[n] * step < 0).length;
    const change = sum(steps.map(Math.abs)) / steps.length;
    const noisy = values.length >= 5 && turns >= steps.length / 2 && change / size > swing;
    if (noisy && Math.abs(last - first) <= climb * change) return "oscillating";
    if (last > first + trend * size) return "rising";
    if (last < first - trend * size) return "falling";
    return Math.abs(last - first) <= steady * size ? "flat" : "";
  }

  function turnsUp(values, { fewest, trend }) {
    if (values.length < fewest + 1 || !values.every(Number.isFinite)) return false;
    const lowest = least(values);
    return values.indexOf(lowest) <= 0.7 * values.length
      && values.at(-1) > lowest + trend * Math.abs(lowest);
  }

  /* ---- Words: advisor/observed.py ---- */

  const LOG_LINE = new RegExp(
    String.raw`(?<![^\n])[^\w\n]{0,8}(?:step|epoch|iter|batch|global|\d)[^\n]*?(?:loss|acc|ppl|reward)\w*\W{1,4}[-\d.n][^\n]*(?![^\n])`
      + String.raw`|(?<![^\n])[ \t]*file "[^\n]*\n[^\n]*(?![^\n])`, "g");
  const TOKEN = /\d+(?:\.\d+)?k?%?|[a-z][a-z0-9]*(?:'[a-z]+)?|\n[ \t]*\n|[.,;:!?\n()](?!\d)/g;
  const DIGIT = /^[0-9]/;

  /** Reads questions with the tables that keywords.py wrote. */
  class Observer {
    constructor(tables) {
      this.tables = tables;
      this.breaks = new Map(Object.entries(tables.breaks));
      this.negators = new Set(tables.negators);
      this.failures = new Set(tables.failures);
      this.units = new Map(Object.entries(tables.units));
      this.heldOutWords = new Set(tables.heldOutWords);
      this.scores = new Set(tables.scores);
      this.vocabulary = new Map(Object.entries(tables.observables));
      this.means = new Map(tables.means.map(([subject, is, pairs]) => [`${subject} ${is}`, pairs]));
      this.phrases = new Map();
      for (const [tag, phrases] of Object.entries(tables.phrases)) {
        for (const phrase of phrases.split("|")) {
          const words = phrase.split(" ");
          if (!this.phrases.has(words[0])) this.phrases.set(words[0], []);
          this.phrases.get(words[0]).push([words, tag]);
        }
      }
      for (const group of this.phrases.values()) group.sort((a, b) => b[0].length - a[0].length);
    }

    /** Observable -> the values that the text says. */
    observed(text) {
      const lowered = text.toLowerCase().replaceAll("’", "'");
      const found = new Map();
      const read = new Reading(this, this.#prose(lowered).match(TOKEN) ?? [], found);
      read.words();
      read.scores();
      read.courses(coursesOf(lowered, this.tables.curves));
      const told = new Map();
      for (const [name, values] of this.vocabulary) {
        const said = values.filter((value) => found.get(name)?.has(value));
        if (said.length) told.set(name, said);
      }
      return told;
    }

    #prose(text) {
      return this.#ends(text.includes("\n") ? text.replace(LOG_LINE, "\n") : text);
    }

    #ends(text) {
      const { head, tail } = this.tables;
      if (text.length <= head + tail) return text;
      const characters = [...text];
      if (characters.length <= head + tail) return text;
      return `${characters.slice(0, head).join("")}\n\n${characters.slice(-tail).join("")}`;
    }
  }

  /** One walk over the words of a question; what is said goes into `found`. */
  class Reading {
    constructor(observer, tokens, found) {
      Object.assign(this, { observer, tokens, found });
    }

    say(name, value) {
      if (!this.found.has(name)) this.found.set(name, new Set());
      this.found.get(name).add(value);
    }

    tell(subjects, direction, negated) {
      const said = negated ? this.observer.tables.notSo[direction] ?? "" : direction;
      for (const subject of subjects) {
        for (const [name, value] of this.observer.means.get(`${subject} ${said}`) ?? []) {
          if (this.observer.vocabulary.get(name).includes(value)) this.say(name, value);
        }
      }
    }

    longest(position) {
      for (const [words, tag] of this.observer.phrases.get(this.tokens[position]) ?? []) {
        if (words.every((word, n) => this.tokens[position + n] === word)) return [tag, words.length];
      }
      return ["", 1];
    }

    words() {
      const { observer, tokens } = this;
      let subjects = [];
      let told = true;
      let clause = 0;
      let negatedAt = -9;
      let carried = 0;
      let waiting = null;
      let readTo = 0;
      for (const [position, token] of tokens.entries()) {
        if (position < readTo) continue;
        if (observer.breaks.has(token)) {
          [negatedAt, clause, waiting] = [-9, position, null];
          if (observer.breaks.get(token)) {
            carried += 1;
            told = true;
            if (carried > 1) subjects = [];
          }
          continue;
        }
        const fails = observer.failures.has(token);
        if (observer.negators.has(token) || fails || token.endsWith("n't")) negatedAt = position;
        const [tag, length] = this.longest(position);
        if (!tag) continue;
        readTo = position + length;
        const negated =
          position - negatedAt <= observer.tables.negationReach && negatedAt >= clause;
        const [kind, rest] = [tag.slice(0, tag.indexOf(":")), tag.slice(tag.indexOf(":") + 1)];
        if (kind === "subject") {
          const named = rest.split("+");
          const joined = !told && position - clause < 40;
          subjects = joined && subjects.length ? [...subjects, ...named] : named;
          [told, carried] = [false, 0];
          if (waiting && waiting[2] === position) {
            this.tell(subjects, waiting[0], waiting[1]);
            told = true;
          }
          waiting = null;
        } else if (kind === "is") {
          if (!told && subjects.length) {
            this.tell(subjects, rest, negated);
            told = true;
          } else if (this.longest(position + length)[0].startsWith("subject:")) {
            waiting = [rest, negated, position + length];
          } else {
            this.tell(subjects, rest, negated);
          }
          negatedAt = -9;
        } else if (kind === "after") {
          this.onset(position, length, negated);
        } else if (!negated || kind === "even" || observer.failures.has(tokens[negatedAt])) {
          for (const pair of rest.split("+")) this.say(...pair.split("="));
        }
      }
    }

    onset(position, length, negated) {
      const { tokens } = this;
      if (negated) return;
      if (position && ["even", "still", "only", "for"].includes(tokens[position - 1])) return;
      const nearby = tokens.slice(position + length, position + length + 4);
      const digits = nearby.find((token) => DIGIT.test(token));
      const around = [...tokens.slice(position, position + length), ...nearby];
      const unit = this.observer.units.get(around.find((token) => this.observer.units.has(token)));
      if (digits === undefined || !unit) return;
      const number = Number(digits.replace(/[k%]+$/, "")) * (digits.endsWith("k") ? 1000 : 1);
      let value = "later-suddenly";
      if (unit === "epoch" && number <= 1) value = "first-epoch";
      if (unit === "step" && number <= 500) value = "first-hundred-steps";
      if (unit === "step" && number <= 2) value = "first-step";
      this.say("onset", value);
    }

    scores() {
      const { observer, tokens } = this;
      if (!tokens.some((token) => observer.scores.has(token))) return;
      const shares = { train: null, heldOut: null };
      let which = "";
      let since = 99;
      for (const token of tokens) {
        since += 1;
        if (token === "train" || token === "training") which = "train";
        else if (observer.heldOutWords.has(token)) which = "heldOut";
        else if (observer.scores.has(token)) since = 0;
        else if (token === "loss" || token === "losses") [which, since] = ["", 99];
        else if (DIGIT.test(token) && which && since <= 6 && !token.endsWith("k")) {
          const percent = token.endsWith("%");
          const value = Number(token.replace(/%+$/, ""));
          const share = percent || (value > 1 && value <= 100) ? value / 100 : value;
          if (share <= 1 && (token.includes(".") || percent || value > 1)) {
            shares[which] ??= share;
            [since, which] = [0, ""];
          }
        }
      }
      if (shares.train !== null && shares.heldOut !== null) this.gap(shares.train, shares.heldOut);
    }

    gap(train, heldOut) {
      const { largeGap, smallGap } = this.observer.tables;
      const gap = train - heldOut;
      if (gap < -smallGap) {
        this.say("gap", "reversed");
        this.say("val_metric", "above-train");
      } else this.say("gap", gap >= largeGap ? "large" : gap >= smallGap ? "small" : "none");
    }

    courses(courses) {
      const { curves } = this.observer.tables;
      const known = (name, value) => this.observer.vocabulary.get(name).includes(value);
      for (const name of ["train_loss", "val_loss"]) {
        const values = courses.get(name) ?? [];
        let shape = shapeOf(values, curves);
        if (name === "val_loss" && turnsUp(values, curves)) shape = "rising";
        if (known(name, shape)) this.say(name, shape);
        if (name === "train_loss" && shape === "nan" && values.length >= curves.fewest) {
          const place = values.findIndex((value) => !Number.isFinite(value));
          this.say("onset", place <= 0 ? "first-step" : "later-suddenly");
        }
      }
      for (const name of ["train_metric", "val_metric", "metric"]) {
        this.metric(name, courses.get(name) ?? []);
      }
      const gradients = { nan: "nan", zero: "zero", rising: "exploding" };
      const value = gradients[shapeOf(courses.get("gradients") ?? [], curves)];
      if (value) this.say("gradients", value);
      const train = courses.get("train_metric") ?? courses.get("metric");
      const heldOut = courses.get("val_metric");
      if (!train || !heldOut || Math.min(train.length, heldOut.length) < curves.fewest) return;
      if (![...train, ...heldOut].every(Number.isFinite)) return;
      const scale = most([...train, ...heldOut]) > 1 ? 100 : 1;
      this.gap(train.at(-1) / scale, heldOut.at(-1) / scale);
    }

    metric(name, values) {
      const { curves } = this.observer.tables;
      if (values.length < curves.fewest) return;
      const shape = shapeOf(values, curves);
      if (shape === "nan") return;
      let told = [shape === "oscillating" ? "jumping" : shape];
      const scale = most(values) > 1 ? 100 : 1;
      const last = values.at(-1) / scale;
      const distance = Math.min(Math.abs(last - 0.5), Math.abs(last - 0.1));
      if ((shape === "flat" || shape === "zero") && values.at(-1) === 0) told = ["zero"];
      else if (shape === "flat" && distance < 0.015) told.push("at-chance");
      if (last >= 0.985) told.push("near-perfect");
      for (const one of name === "metric" ? ["train_metric", "val_metric"] : [name]) {
        for (const value of told) {
          if (this.observer.vocabulary.get(one).includes(value)) this.say(one, value);
        }
      }
    }
  }

  /* ---- Agreement with the entries: advisor/signs.py ---- */

  class Signs {
    constructor(entries, tables) {
      this.entries = entries;
      this.observer = new Observer(tables);
      this.rarities = tables.rarities;
    }

    features(text) {
      const size = this.entries.length;
      const [observed, contradicted] = [new Float64Array(size), new Float64Array(size)];
      for (const [name, values] of this.observer.observed(text)) {
        this.entries.forEach((entry, n) => {
          const own = entry.observables[name];
          if (!own) return;
          const shown = values.filter((value) => own.includes(value));
          if (!shown.length) contradicted[n] += 1;
          else observed[n] += most(shown.map((value) => this.rarities[name][value]));
        });
      }
      return { observed, contradicted };
    }
  }

  Object.assign(dladvisor, { Signs });
})();
