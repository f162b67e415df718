/* The encoder's tokenizer: BERT's normalizer and WordPiece, as the Rust library `tokenizers` runs
   them for advisor/model/tokenizer.json. The JavaScript library of the same name (0.2.0) gave
   other tokens for half of 10,000 strings with rare characters; this one gives the same for all
   (tests/test_browser_ranking.py), since its tables of characters are read off the Rust library
   when the site is written. */

const CHINESE = [
  [0x4e00, 0x9fff], [0x3400, 0x4dbf], [0x20000, 0x2a6df], [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f], [0x2b920, 0x2ceaf], [0xf900, 0xfaff], [0x2f800, 0x2fa1f],
];

/** A test for characters in sorted runs [first, last, first, last, …]. */
function isIn(runs) {
  const inside = new Set();
  for (let at = 0; at < runs.length; at += 2) {
    for (let point = runs[at]; point <= runs[at + 1]; point++) inside.add(point);
  }
  return (character) => inside.has(character.codePointAt(0));
}

/** A function from text to token ids, [CLS] and [SEP] included, at most `limit` of them.
    `spec` is what advisor/browser/tokenizer.py wrote. */
export function makeTokenizer(spec) {
  const ids = new Map(spec.vocabulary.map((word, id) => [word, id]));
  const [removed, marks, punctuation] = [spec.removed, spec.marks, spec.punctuation].map(isIn);
  const special = new Map(spec.special);
  const escaped = [...special.keys()].map((text) => text.replace(/[[\]]/g, "\\$&"));
  const splitter = new RegExp(`(${escaped.join("|")})`);
  const space = /\p{White_Space}/u;

  function words(text) {
    const found = [];
    let word = "";
    const end = () => {
      if (word) found.push(word);
      word = "";
    };
    for (const original of text) {
      if (removed(original)) continue;
      const point = original.codePointAt(0);
      const chinese = CHINESE.some(([first, last]) => first <= point && point <= last);
      if (chinese || space.test(original)) end();
      if (space.test(original)) continue;
      word += original;
      if (chinese) end();
    }
    end();
    return found;
  }

  function* pieces(text) {
    for (const raw of words(text)) {
      let word = "";
      for (const character of raw.normalize("NFD")) {
        if (marks(character)) continue;
        for (const lower of character.toLowerCase()) {
          if (punctuation(lower)) {
            if (word) yield word;
            yield lower;
            word = "";
          } else {
            word += lower;
          }
        }
      }
      if (word) yield word;
    }
  }

  function wordPieces(word) {
    const characters = [...word];
    if (characters.length > spec.longestWord) return [spec.unknown];
    const found = [];
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      let id;
      for (; end > start; end--) {
        const piece = characters.slice(start, end).join("");
        id = ids.get(start ? `##${piece}` : piece);
        if (id !== undefined) break;
      }
      if (id === undefined) return [spec.unknown];
      found.push(id);
      start = end;
    }
    return found;
  }

  return (text, limit) => {
    const tokens = [];
    for (const part of text.split(splitter)) {
      if (special.has(part)) tokens.push(special.get(part));
      else for (const word of pieces(part)) tokens.push(...wordPieces(word));
      if (tokens.length > limit) break;
    }
    return [spec.begin, ...tokens.slice(0, limit - 2), spec.end];
  };
}
