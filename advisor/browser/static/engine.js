/* The ranking of advisor/ranking.py in the browser: the same features, weights and verdict.
   Single precision where numpy uses it, so that keywords rank exactly as in Python. Knows no page:
   ask.js shows what this returns. */
(() => {
  "use strict";
  const dladvisor = (globalThis.dladvisor ??= {});
  const single = Math.fround;

  /* ---- Question: advisor/question.py and safe_text.py ---- */

  const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;
  const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/gu;

  /** The question in `raw` as {text, note}; {error} when it holds nothing to search for. */
  function read(raw, maxCharacters) {
    let note = "";
    const characters = raw.length > maxCharacters ? [...raw] : [];
    if (characters.length > maxCharacters) {
      raw = characters.slice(0, maxCharacters).join("");
      note = `Only the first ${maxCharacters.toLocaleString("en")} characters were read.`;
    }
    const text = raw
      .normalize("NFC")
      .replace(/\p{Cs}/gu, "?")
      .replace(ANSI, "")
      .replace(UNSEEN, (character) => ("\n\t".includes(character) ? character : ""))
      .trim();
    const letters = text.match(/[\p{L}\p{Nl}\p{No}]/gu) ?? [];
    if (!text) return { error: "empty" };
    if (!letters.length) return { error: "The question holds no words. Describe what you see." };
    if ((text.match(/[A-Za-z\u00c0-\u024f]/g) ?? []).length < letters.length / 2) {
      note = "dladvisor understands English only; ask in English for a useful answer.";
    }
    return { text, note };
  }

  const FRAME = /(?<![^\n])[ \t]*File "[^"\n]*", line \p{Nd}+[^\n]*\n?(?:[ \t]+\S[^\n]*\n?)?/gu;
  const MARKS = /(?<![^\n])[ \t]*[~^]+[ \t]*\n?/g;

  /** The text without stack frames and repeated lines of a log. */
  function gist(text, linesOfAShape) {
    const seen = new Map();
    const kept = text.replace(FRAME, "").replace(MARKS, "").split("\n").filter((line) => {
      const shape = line.trim().replace(/\p{Nd}+/gu, "0");
      seen.set(shape, (seen.get(shape) ?? 0) + 1);
      return !shape || seen.get(shape) <= linesOfAShape;
    });
    return kept.join("\n").trim() || text;
  }

  /* ---- Keywords: advisor/lexical.py ---- */

  const WORD = /[a-z]+(?:'[a-z]+)?|[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?%?/g;

  function messageKey(text) {
    return ` ${text.toLowerCase().replace(/[^a-z0-9]+/g, " ").trim()} `;
  }

  const POWERS = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

  /** A number as lexical.rounded writes it. */
  function rounded(number) {
    if (!/[.e]/.test(number)) return number;
    const value = Number.parseFloat(number);
    if (value >= POWERS.at(-1)) return number;
    if (number.endsWith("%")) return `${Math.floor(value + 0.5)}%`;
    if (value >= 1) return decimal(Math.floor(value * 10 + 0.5), 1);
    if (value >= 0.1) return decimal(Math.floor(value * 100 + 0.5), 2);
    for (const [at, power] of POWERS.entries()) {
      if (value * power < 0.95) continue;
      const digit = Math.floor(value * power + 0.5);
      return digit < 10 ? `${digit}e-${at + 2}` : `1e-${at + 1}`;
    }
    return "0";
  }

  function decimal(units, places) {
    const digits = String(units).padStart(places + 1, "0");
    return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, "");
  }

  class Keywords {
    constructor(rules) {
      this.stop = new Set(rules.stop);
      this.synonyms = new Map(Object.entries(rules.synonyms));
      this.phrases = new Map(Object.entries(rules.phrases));
    }

    /** Pairs of stem and the words it stood for, in order. */
    of(text) {
      const split = text.replace(/([a-z])(?=[A-Z])/g, "$1 ").toLowerCase().replaceAll("’", "'");
      const words = [];
      for (const surface of split.match(WORD) ?? []) {
        let word = surface.replace("'", "");
        word = /^[0-9]/.test(word) ? rounded(word) : this.synonyms.get(word) ?? word;
        const last = words.at(-1);
        const phrase = last && this.phrases.get(`${last[0]} ${word}`);
        if (phrase) words[words.length - 1] = [phrase, `${last[1]} ${surface}`];
        else if (!this.stop.has(word)) words.push([word, surface]);
      }
      return words.map(([word, surface]) => [dladvisor.stem(word), surface]);
    }
  }

  const DIGIT = new Map(
    [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].map((c, n) => [c, n]),
  );

  /** A function that gives the next number of those that keywords.py wrote as digits. */
  function numbers(text) {
    let at = 0;
    return () => {
      let value = 0;
      for (let unit = 1; ; unit *= 32) {
        const digit = DIGIT.get(text[at++]);
        value += (digit % 32) * unit;
        if (digit < 32) return value;
      }
    };
  }

  /** The scores that bm25s gives, from the counts that advisor/browser/keywords.py wrote. */
  class Bm25 {
    constructor({ vocabulary, lengths, postings }, { k1, b }) {
      this.size = lengths.length;
      this.columns = new Map();
      const average = lengths.reduce((sum, length) => sum + length, 0) / Math.max(this.size, 1);
      const norms = lengths.map((length) => k1 * (1 - b + (b * length) / average));
      const next = numbers(postings);
      for (const word of vocabulary ? vocabulary.split(" ") : []) {
        const count = next();
        const rarity = single(Math.log(1 + (this.size - count + 0.5) / (count + 0.5)));
        const column = new Map();
        for (let n = 0, document = -1; n < count; n++) {
          const code = next();
          document += 1 + Math.floor(code / 2);
          const times = code % 2 ? next() : 1;
          column.set(document, single(rarity * (times / (norms[document] + times))));
        }
        this.columns.set(word, column);
      }
    }

    score(words) {
      const total = new Float32Array(this.size);
      for (const word of new Set(words)) {
        for (const [document, score] of this.columns.get(word) ?? []) total[document] += score;
      }
      return total;
    }

    weight(word, document) {
      return this.columns.get(word)?.get(document) ?? 0;
    }

    share(word) {
      return this.size ? (this.columns.get(word)?.size ?? 0) / this.size : 0;
    }
  }

  /* ---- Learnt classifiers: advisor/learned.py ---- */

  /** Numbers of 16 bits in base 64. */
  function halves(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return Float64Array.from(new Uint16Array(bytes.buffer), (bits) => {
      const [exponent, part] = [(bits >> 10) & 31, (bits & 1023) / 1024];
      const size = exponent ? (1 + part) * 2 ** (exponent - 15) : part * 2 ** -14;
      return bits >> 15 ? -size : size;
    });
  }

  function logShares(scores) {
    const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
    return scores.map((score) => score - most - Math.log(sum));
  }

  class Learned {
    constructor({ ids, terms, rarities, columns, weights, bias }, scale) {
      this.place = new Map(ids.map((id, n) => [id, n]));
      this.scale = scale;
      this.bias = bias;
      const next = numbers(columns);
      const values = halves(weights);
      let at = 0;
      this.terms = new Map(
        terms.split("\n").map((term) => {
          const rarity = rarities[next()];
          const classes = [];
          for (let left = next(), column = -1; left > 0; left--) {
            column += 1 + next();
            classes.push([column, values[at++]]);
          }
          return [term, { rarity, classes }];
        }),
      );
    }

    byWords(words) {
      const counts = new Map();
      const pairs = words.slice(1).map((word, n) => `${words[n]} ${word}`);
      for (const term of [...words, ...pairs]) {
        if (this.terms.has(term)) counts.set(term, (counts.get(term) ?? 0) + 1);
      }
      const raw = [...counts].map(([term, count]) => [
        this.terms.get(term), (1 + Math.log(count)) * this.terms.get(term).rarity,
      ]);
      const length = Math.sqrt(raw.reduce((sum, [, weight]) => sum + weight * weight, 0));
      const scores = new Float64Array(this.bias.length);
      for (const [{ classes }, weight] of raw) {
        for (const [column, value] of classes) scores[column] += (weight / length) * value;
      }
      return logShares(scores.map((score, n) => this.scale * score + this.bias[n]));
    }

    byMeaning(scores, bias) {
      return logShares(scores.map((score, n) => this.scale * score + bias[n]));
    }
  }

  /* ---- Features: advisor/ranking.py ---- */

  /** One function a feature: what was found for the question -> one number an entry, or for all.
      ranker.json names the features to use; a name that is missing here stops the ranking. */
  const FEATURES = {
    spoken_best: (found) => found.spoken.best,
    spoken_mean: (found) => found.spoken.mean,
    spoken_lead: (found) => less(found.spoken.mean, bestOther(found.spoken.mean)),
    title: (found) => found.titles,
    words_spoken: (found) => found.spokenWords.map(Math.log1p),
    words_spoken_lead: (found) => lead(found.spokenWords),
    words_written: (found) => found.writtenWords.map(Math.log1p),
    words_written_lead: (found) => lead(found.writtenWords),
    message: (found) =>
      found.quoted.map((n) => Math.log1p(n) * Math.sqrt(Math.min(1, n / found.length))),
    known_words: (found) => found.known,
    length: (found) => Math.log1p(found.words.length),
    observed: (found) => found.signs.observed,
    contradicted: (found) => found.signs.contradicted,
    learned_meaning: (found) => found.learnedMeaning.own,
    learned_meaning_lead: (found) => found.learnedMeaning.lead,
    none_meaning: (found) => found.learnedMeaning.none,
    learned_words: (found) => found.learnedWords.own,
    learned_words_lead: (found) => found.learnedWords.lead,
    none_words: (found) => found.learnedWords.none,
  };

  function lead(scores) {
    const most = Math.max(scores.reduce((a, b) => Math.max(a, b), 0), single(1e-6));
    return scores.map((score) => score / most);
  }

  function less(values, others) {
    return values.map((value, n) => value - others[n]);
  }

  function bestOther(values) {
    if (values.length < 2) return new Float32Array(values.length);
    let [first, second] = [-Infinity, -Infinity];
    for (const value of values) {
      if (value > first) [first, second] = [value, first];
      else if (value > second) second = value;
    }
    const at = values.indexOf(first);
    return values.map((_, n) => (n === at ? second : first));
  }

  /** Cosines as Index.similarities gives them: exact for the nearest, theirs as bound for the rest. */
  function bounded(cosines, nearest) {
    if (cosines.length <= nearest) return cosines;
    const floor = Float32Array.from(cosines).sort()[cosines.length - nearest];
    return cosines.map((cosine) => Math.max(cosine, floor));
  }

  class Engine {
    constructor(data) {
      this.data = data;
      this.entries = data.entries;
      this.keywords = new Keywords(data.words);
      this.spoken = new Bm25(data.spoken, data.bm25);
      this.written = new Bm25(data.written, data.bm25);
      this.messages = this.entries.map((entry) => entry.messages.map(messageKey));
      this.signs = new dladvisor.Signs(this.entries, data.observing);
      this.learned = data.learned && new Learned(data.learned, data.learnedScale);
      this.known = this.entries.map((entry) => this.learned?.place.has(entry.id) ?? false);
      for (const { taught, untaught } of Object.values(data.rankers)) {
        for (const name of Object.keys({ ...taught.features, ...untaught.features })) {
          if (!FEATURES[name]) throw new Error(`The ranker uses a feature unknown here: ${name}`);
        }
      }
    }

    /** What of a question is read, by both stages. */
    gist(text) {
      return gist(text, this.data.linesOfAShape);
    }

    read(raw) {
      return read(raw, this.data.maxCharacters);
    }

    /** The verdict and up to `top` matches for a question that `read` gave, best first.
        `meaning` is what meaning.js answered, with the passages; without it keywords decide.
        `fits` says which entries may answer. */
    ask(whole, { meaning = null, top = 5, fits = () => true } = {}) {
      const question = this.gist(whole);
      const pairs = this.keywords.of(question);
      const found = this.#keywordsOf(question, pairs.map(([stem]) => stem));
      found.signs = this.signs.features(whole);
      if (meaning) Object.assign(found, this.#meaningOf(meaning));
      const ranker = this.data.rankers[meaning ? "meaning" : "keywords"];
      const { features, probabilities } = this.#probabilities(ranker, found);
      const order = [...this.entries.keys()].filter((n) => fits(this.entries[n]));
      order.sort((a, b) => probabilities[b] - probabilities[a] || a - b);
      const best = order.length ? probabilities[order[0]] : 0;
      const fit = ranker[order.length && this.known[order[0]] ? "taught" : "untaught"];
      const unsure = best < fit.none_below ? "none" : "unsure";
      return {
        stage: meaning ? "meaning" : "keywords",
        verdict: best >= fit.match_above ? "match" : unsure,
        matches: order.slice(0, top).map((number) => ({
          entry: this.entries[number],
          probability: probabilities[number],
          likelihood: this.data.likelihoods.find(([floor]) => probabilities[number] >= floor)[1],
          why: this.#reasons(number, question, pairs, meaning),
          features: Object.fromEntries(
            Object.entries(features).map(([name, values]) => [name, values[number]]),
          ),
        })),
      };
    }

    #keywordsOf(question, words) {
      const asked = messageKey(question);
      const known = [...new Set(words)].filter((word) => this.spoken.columns.has(word)).length;
      const lengths = (keys) =>
        keys.filter((key) => asked.includes(key)).map((key) => key.trim().split(" ").length);
      return {
        words,
        spokenWords: this.spoken.score(words),
        writtenWords: this.written.score(words),
        quoted: Float64Array.from(this.messages, (keys) => Math.max(0, ...lengths(keys))),
        known: known / Math.max(new Set(words).size, 1),
        learnedWords: this.#learnedOf(this.learned?.byWords(words)),
        length: Math.max(question.split(/\s+/).filter(Boolean).length, 1),
      };
    }

    /** A classifier's features; the lowest values for entries that it does not know. */
    #learnedOf(shares) {
      const { lowestShare: lowest, largestLead: most } = this.data;
      const own = new Float64Array(this.entries.length).fill(lowest);
      const lead = new Float64Array(this.entries.length).fill(-most);
      if (!shares) return { own, lead, none: lowest };
      const rows = [...this.entries.keys()].filter((n) => this.known[n]);
      const found = Float64Array.from(rows, (n) => shares[this.learned.place.get(this.entries[n].id)]);
      const others = bestOther(found);
      rows.forEach((row, n) => {
        own[row] = Math.max(found[n], lowest);
        lead[row] = Math.min(Math.max(found[n] - others[n], -most), most);
      });
      return { own, lead, none: Math.max(shares.at(-1), lowest) };
    }

    #meaningOf({ cosines, classes, passages }) {
      const near = bounded(cosines, this.data.nearest);
      const floor = near.reduce((a, b) => Math.min(a, b), 1);
      const spokenKinds = new Set(this.data.spokenKinds.map((kind) => this.data.kinds.indexOf(kind)));
      const size = this.entries.length;
      const [best, mean, titles] = [0, 0, 0].map(() => new Float32Array(size));
      for (let entry = 0; entry < size; entry++) {
        let top = [floor, floor, floor];
        titles[entry] = near[passages.rows[passages.starts[entry]]];
        for (let n = passages.starts[entry]; n < passages.starts[entry + 1]; n++) {
          const cosine = near[passages.rows[n]];
          if (!spokenKinds.has(passages.kinds[n])) continue;
          if (cosine > top[0]) top = [cosine, top[0], top[1]];
          else if (cosine > top[1]) top = [top[0], cosine, top[1]];
          else if (cosine > top[2]) top[2] = cosine;
        }
        best[entry] = top[0];
        mean[entry] = single(single(top[0] + top[1]) + top[2]) / 3;
      }
      const shares = this.learned && this.learned.byMeaning(classes, passages.learnedBias);
      return {
        spoken: { best, mean }, titles, learnedMeaning: this.#learnedOf(shares),
      };
    }

    #probabilities(ranker, found) {
      const features = {};
      for (const name of Object.keys({ ...ranker.taught.features, ...ranker.untaught.features })) {
        const values = FEATURES[name](found);
        features[name] = Float32Array.from(this.entries, (_, n) =>
          typeof values === "number" ? values : values[n]);
      }
      const [taught, untaught] = [ranker.taught, ranker.untaught].map((fit) => {
        const scores = new Float64Array(this.entries.length).fill(fit.bias);
        for (const [name, { weight, mean, scale }] of Object.entries(fit.features)) {
          features[name].forEach((value, n) => {
            scores[n] += ((value - mean) / scale) * weight;
          });
        }
        return scores;
      });
      const probabilities = Float32Array.from(taught, (score, n) =>
        1 / (1 + Math.exp(-(this.known[n] ? score : untaught[n]))));
      return { features, probabilities };
    }

    /* ---- Reasons: advisor/explanation.py ---- */

    #reasons(number, question, pairs, meaning) {
      const entry = this.entries[number];
      const asked = messageKey(question);
      const found = [];
      const quoted = entry.messages.filter((_, n) => asked.includes(this.messages[number][n]));
      if (quoted.length) {
        const longest = quoted.reduce((a, b) => ([...b].length > [...a].length ? b : a));
        found.push(["the message", this.#short(longest)]);
      }
      const [symptom, cosine] = meaning ? this.#nearestSymptom(number, meaning) : ["", 0];
      if (cosine >= this.data.alike) found.push(["sounds like", this.#short(symptom)]);
      const words = this.#sharedWords(number, pairs);
      if (words.length) found.push(["shared words", words.join(", ")]);
      if (!found.length && meaning) found.push(["nearest in meaning", this.#short(symptom)]);
      return found;
    }

    #nearestSymptom(number, { cosines, passages }) {
      const kind = this.data.kinds.indexOf("symptom");
      let best = [0, -Infinity];
      for (let n = passages.starts[number], at = 0; n < passages.starts[number + 1]; n++) {
        if (passages.kinds[n] !== kind) continue;
        if (cosines[passages.rows[n]] > best[1]) best = [at, cosines[passages.rows[n]]];
        at++;
      }
      return [this.entries[number].symptoms[best[0]], best[1]];
    }

    #sharedWords(number, pairs) {
      const first = new Map();
      for (const [stem, surface] of pairs) if (!first.has(stem)) first.set(stem, surface);
      const weighed = [];
      for (const [stem, surface] of first) {
        if (this.spoken.share(stem) > this.data.tooCommon || !/[a-z]/.test(surface)) continue;
        const own = this.keywords.synonyms.has(surface);
        if (surface.length < this.data.shortestWord && !own) continue;
        const score = this.spoken.weight(stem, number) + this.written.weight(stem, number);
        if (score > 0) weighed.push([score, surface]);
      }
      weighed.sort((a, b) => b[0] - a[0] || (a[1] < b[1] ? -1 : 1));
      return weighed.slice(0, this.data.maxWords).map(([, surface]) => surface);
    }

    #short(text) {
      const characters = [...text];
      const most = this.data.maxQuote;
      return characters.length <= most ? text : `${characters.slice(0, most - 1).join("").trimEnd()}…`;
    }
  }

  Object.assign(dladvisor, { Engine, features: Object.keys(FEATURES) });
})();
