// Writes examples/people.csv and examples/measurements.jsonl: many rows, awkward content, no fault. The same seed gives
// the same bytes; examples/README.md says what is in them.
import { writeFileSync } from "node:fs";

const ROWS = 1250;
const SEED = 20270131;
const FOLDER = new URL("../examples/", import.meta.url);

// mulberry32: 32 bits of state are enough for made-up people.
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = generator(SEED);
const below = (end) => Math.floor(random() * end);
const pick = (list) => list[below(list.length)];
const chance = (share) => random() < share;
const hex = (bytes) =>
  `0x${Array.from({ length: bytes }, () => below(256).toString(16).padStart(2, "0")).join("")}`;
const bits = (count) => BigInt(hex(32)) >> BigInt(256 - count);

// First and last words of names that go together, in the order in which they are spoken; _ is a space.
const NAMES = [
  [
    "Anneliese Jürgen Björn Heike Käthe Matthias Renate Uwe",
    "Müller Schröder Weiß Großmann Krüger von_der_Heide",
  ],
  ["Aoife Ciarán Niamh Pádraig Siobhán Eoin Gráinne", "O'Sullivan Ní_Bhriain Mac_Giolla_Phádraig O'Connor"],
  ["Zoë Noël Chloé Étienne Hélène François Maël Inès", "Lefèvre d'Aubigné Désiré Guérin de_La_Tour"],
  ["Łukasz Małgorzata Żaneta Wojciech Zbigniew Świętosława", "Wiśniewski Błaszczyk Gżegżółka Dąbrowska"],
  ["İbrahim Ayşe Gülşen Çağlar Işıl Oğuz Ümit", "Yıldız Öztürk Şahin Çelik Güneş"],
  ["Nguyễn Trần Phạm Lê Vũ Đặng", "Thị_Hương Văn_Đức Minh_Khuê Bảo_Ngọc"],
  ["José_María Íñigo Begoña Ximena Núria Martí", "Muñoz García-Peña Ibáñez Güell_i_Bacigalupi"],
  ["Øyvind Åse Sigrún Þórdís Guðmundur Eydís", "Bjørnstad Jónsdóttir Kjærgård Ægisson"],
  ["Олена Дмитро Светлана Ђорђе Любомир", "Шевченко Кузнецова Петровић Їжакевич"],
  ["Νίκος Ελένη Γιώργος Ευαγγελία", "Παπαδόπουλος Οικονόμου Χατζηδάκης"],
  ["فاطمة يوسف عبد_الرحمن ليلى", "الهاشمي بن_سعيد الخوارزمي"],
  ["נועה אורי תמר שלמה", "כהן בן_דוד לוי"],
  ["佐藤 髙橋 渡邉 𠮷田", "さくら 健太 由美子 翔"],
  ["王 李 张 欧阳", "伟 秀英 雪"],
  ["김 이 박 최", "민준 서연 지우"],
  ["आरव प्रिया लक्ष्मी", "शर्मा अय्यर पटेल"],
  ["சுந்தர் கவிதா", "பிச்சை இராமன்"],
  ["Oluwaseun Adaeze Chukwuemeka Ngozi", "Adébáyọ̀ Okonkwo Ọ̀ṣúnlànà"],
  ["Kaʻiulani Keoni Leilani", "Kealiʻiahonui Kamakawiwoʻole"],
  ["Mary-Jane DeShawn Beyoncé Null Grace", "Smith-Jones Null True McDonald St._John Hopper"],
];

function person() {
  const [first, last] = pick(NAMES).map((names) => pick(names.split(" ")).replaceAll("_", " "));
  const middle = /^[A-Z]/.test(first) && chance(0.1) ? ` ${pick(["J.", "A. B.", "“Bo”"])}` : "";
  return `${first}${middle} ${last}`;
}

const WORDS =
  "parcel counter stamped Zürich 北京 queue café naïve résumé İstanbul Ωmega first-class 3rd 42% a&b".split(
    " ",
  );
const words = (count) => Array.from({ length: count }, () => pick(WORDS)).join(" ");

const AWKWARD = [
  'She said "yes", then ""no"", then left.',
  '"',
  '""',
  '","',
  ",,,",
  "line one\nline two",
  "carriage\r\nreturn and\r\nline feed",
  "\n",
  "\nstarts and ends with a break\n",
  'a quote and a break: "\n", done',
  "family 👨‍👩‍👧‍👦, flag 🏳️‍🌈, skin 👩🏽‍🚀, keycap 1️⃣, 🇩🇪",
  "مرحبا بالعالم, then left to right, then שלום",
  "\u202eright-to-left override\u202c",
  "combining: e\u0301 o\u0308\u0304 Z\u0351\u036b\u0343\u036a\u0302a\u0321\u034el\u034dg\u0489o",
  "composed \u00e9 and decomposed e\u0301 are two texts",
  "  leading and trailing spaces  ",
  "\ttab\tseparated\t",
  " ",
  "\u00a0no-break\u2003em\u200bzero-width\u2060",
  "=1+1",
  '=HYPERLINK("https://example.org","click")',
  "+49 30 901820",
  "-1",
  "@SUM(A1:A9)",
  "__proto__",
  "constructor",
  "null",
  "NaN",
  "true",
  "0x",
  "007",
  "1e3",
  "'; DROP TABLE items; --",
  "<script>alert(1)</script>",
  "C:\\Users\\new\\table",
  '\\n is two characters, \\" is two more',
  "${jndi:ldap://example.org}",
  "\u2028 line and paragraph separator \u2029",
  "\ufeffstarts with a byte order mark",
  "\ufffd is the replacement character",
  "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 beyond the first plane: 𐍈 𠜎 🜚",
  "ﬁ ligature, ß and ẞ, ı and İ, Å and Å",
];

const long = () => words(320).slice(0, 1900 + below(100));
const text = () =>
  chance(0.1) ? "" : chance(0.35) ? pick(AWKWARD) : chance(0.02) ? long() : words(1 + below(8));

// The four of EIP-55 and five that every Hardhat node knows: checksums need a hash that this script does without.
const CHECKSUMMED = [
  "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
  "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
  "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
  "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
  "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
  "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
  "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
  "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
  "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
];
const address = () => (chance(0.3) ? pick(CHECKSUMMED) : hex(20));

const UINT64_END = 2n ** 64n;
const UINT256_END = 2n ** 256n;

function people() {
  const cell = (value) =>
    /[",\r\n]/.test(value) || chance(0.05) ? `"${value.replaceAll('"', '""')}"` : value;
  const rows = ["name,score,isHuman,note,stake,recipient,id"];
  for (let i = 1; i <= ROWS; i++) {
    const note = i <= AWKWARD.length ? AWKWARD[i - 1] : text();
    const name = i === 7 ? "__proto__" : person();
    const score = i === 1 ? UINT64_END - 1n : chance(0.05) ? 0n : bits(1 + below(64));
    const stake = i <= 2 ? UINT256_END - 1n : chance(0.05) ? 0n : bits(1 + below(256));
    const row = [name, score, chance(0.8), note, stake, chance(0.1) ? "" : address(), `person-${i}`];
    rows.push(row.map((value) => cell(String(value))).join(","));
  }
  return rows.map((row) => `${row}\n`).join("");
}

const INT32_MIN = -(2 ** 31);
const UNITS = ["m°C", "℃", "K", "%RH", "µg/m³", "hPa", ""];

function measurements() {
  const rows = [];
  for (let i = 1; i <= ROWS; i++) {
    const comment =
      i <= AWKWARD.length ? AWKWARD[i - 1] : chance(0.03) ? `NUL \0 and bell \x07 ${words(2)}` : text();
    const samples = Array.from({ length: chance(0.1) ? 0 : below(9) }, () =>
      chance(0.1) ? UINT256_END - 1n : bits(1 + below(chance(0.5) ? 53 : 256)),
    );
    const row = {
      id: `m-${String(i).padStart(5, "0")}`,
      station:
        i === 3
          ? "__proto__"
          : `${pick(["Zugspitze", "São Paulo", "Ürümqi", "Tromsø", "Nāʻālehu", "القاهرة"])} ${below(40)}`,
      celsiusMilli: i === 1 ? INT32_MIN : i === 2 ? -INT32_MIN - 1 : below(90_000) - 45_000,
      // Whole numbers up to 2^53 may be numbers or strings, beyond only strings.
      samples: samples.map((sample) => (sample < 2n ** 53n && chance(0.7) ? Number(sample) : String(sample))),
      meta: { unit: pick(UNITS), raw: hex(chance(0.1) ? 0 : chance(0.05) ? 600 : below(40)) },
      comment,
      ...(chance(0.3) ? { recipient: chance(0.1) ? null : address() } : {}),
      ...(chance(0.15) ? { ref: hex(32) } : {}),
      ...(chance(0.2)
        ? { expires: pick([4070908800 + below(1e6), "2099-12-31", "2099-06-30T23:59:59+02:00"]) }
        : {}),
    };
    // Some writers escape all that is not ASCII: the same text.
    const json = JSON.stringify(row);
    rows.push(
      chance(0.1)
        ? json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        : json,
    );
  }
  return rows.map((row) => `${row}\n`).join("");
}

for (const [name, content] of [
  ["people.csv", people()],
  ["measurements.jsonl", measurements()],
]) {
  writeFileSync(new URL(name, FOLDER), content);
  console.log(`examples/${name}: ${ROWS} rows, ${Buffer.byteLength(content)} bytes, seed ${SEED}`);
}
