/* Snowball's English stemmer, version 3 (https://snowballstem.org/algorithms/english/stemmer.html),
   for words of a-z only: what lexical.py gets from PyStemmer. tests/test_browser_ranking.py proves
   that both agree on every word of the knowledge base and on made-up ones. */
(() => {
  "use strict";

  const EXCEPTIONS = new Map(Object.entries({
    skis: "ski", skies: "sky", idly: "idl", gently: "gentl", ugly: "ugli", early: "earli",
    only: "onli", singly: "singl", andes: "andes", atlas: "atlas", bias: "bias",
    cosmos: "cosmos", howe: "howe", news: "news", sky: "sky",
  }));
  const PREFIX = /^(?:arsen|commun|emerg|gener|inter|later|organ|past|univers)/;
  // Longest first: the first suffix that fits decides, whether or not its condition then holds.
  const STEP_2 = [
    ["ization", "ize"], ["ational", "ate"], ["fulness", "ful"], ["ousness", "ous"],
    ["iveness", "ive"], ["tional", "tion"], ["biliti", "ble"], ["lessli", "less"],
    ["entli", "ent"], ["ation", "ate"], ["alism", "al"], ["aliti", "al"], ["ousli", "ous"],
    ["iviti", "ive"], ["fulli", "ful"], ["ogist", "og"], ["enci", "ence"], ["anci", "ance"],
    ["abli", "able"], ["izer", "ize"], ["ator", "ate"], ["alli", "al"], ["bli", "ble"],
    ["ogi", "og"], ["li", ""],
  ];
  const STEP_3 = [
    ["ational", "ate"], ["tional", "tion"], ["alize", "al"], ["icate", "ic"], ["iciti", "ic"],
    ["ative", ""], ["ical", "ic"], ["ness", ""], ["ful", ""],
  ];
  const STEP_4 = [
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous",
    "ive", "ize", "ion", "al", "er", "ic",
  ];
  const VOWEL = /[aeiouy]/;
  const SHORT = /(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy]|past)$/;

  function region(word, from) {
    const found = /[aeiouy][^aeiouy]/.exec(word.slice(from));
    return found ? from + found.index + 2 : word.length;
  }

  function step1a(word) {
    if (word.endsWith("sses")) return word.slice(0, -2);
    if (/ie[sd]$/.test(word)) return word.slice(0, word.length > 4 ? -2 : -1);
    if (/(?:us|ss)$/.test(word) || !word.endsWith("s")) return word;
    return VOWEL.test(word.slice(0, -2)) ? word.slice(0, -1) : word;
  }

  function step1b(word, r1) {
    const suffix = /(?:eedly|ingly|edly|eed|ing|ed)$/.exec(word)?.[0];
    if (!suffix) return word;
    const stem = word.slice(0, -suffix.length);
    if (suffix.startsWith("eed")) {
      return stem.length >= r1 && !/^(?:succ|proc|exc)$/.test(stem) ? `${stem}ee` : word;
    }
    if (suffix === "ing") {
      if (/^[^aeiouy]y$/.test(stem)) return `${stem.slice(0, -1)}ie`;
      if (/^(?:even|cann|inn|earr|herr|out)$/.test(stem)) return word;
    }
    if (!VOWEL.test(stem)) return word;
    if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
    if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(stem)) {
      return /^[aeo]..$/.test(stem) ? stem : stem.slice(0, -1);
    }
    return stem.length === r1 && SHORT.test(stem) ? `${stem}e` : stem;
  }

  function replaced(word, table, change) {
    for (const [suffix, instead] of table) {
      if (word.endsWith(suffix)) return change(word.slice(0, -suffix.length), suffix, instead) ?? word;
    }
    return word;
  }

  function stem(word) {
    if (EXCEPTIONS.has(word)) return EXCEPTIONS.get(word);
    if (word.length < 3) return word;
    // A y that begins the word or follows a vowel is a consonant, written Y.
    let text = word.replace(/^y/, "Y").replace(/[aeiouy]y/g, (pair) => `${pair[0]}Y`);
    const prefix = PREFIX.exec(text);
    const r1 = prefix ? prefix[0].length : region(text, 0);
    const r2 = region(text, r1);
    text = step1b(step1a(text), r1);
    text = text.replace(/([^aeiouy])[yY]$/, (all, before, place) => (place > 0 ? `${before}i` : all));
    text = replaced(text, STEP_2, (left, suffix, instead) => {
      if (left.length < r1) return undefined;
      if (suffix === "li") return /[cdeghkmnrt]$/.test(left) ? left : undefined;
      if (suffix === "ogi") return left.endsWith("l") ? `${left}og` : undefined;
      return left + instead;
    });
    text = replaced(text, STEP_3, (left, suffix, instead) =>
      left.length >= (suffix === "ative" ? r2 : r1) ? left + instead : undefined);
    text = replaced(text, STEP_4.map((suffix) => [suffix]), (left, suffix) =>
      left.length >= r2 && (suffix !== "ion" || /[st]$/.test(left)) ? left : undefined);
    const left = text.slice(0, -1);
    if (text.endsWith("e")) {
      if (left.length >= r2 || (left.length >= r1 && !SHORT.test(left))) text = left;
    } else if (text.endsWith("ll") && left.length >= r2) {
      text = left;
    }
    return text.replaceAll("Y", "y");
  }

  (globalThis.dladvisor ??= {}).stem = stem;
})();
