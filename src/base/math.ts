/**
 * The transcendental functions the core needs. The language leaves the last bits of `Math.log` and its like to the engine,
 * so the same seed could give another run on another Node; these use only operations that are exact everywhere (IEEE 754
 * + - * /) and give the same bits on every engine. Whole powers of their base give whole results.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const LOG10_2_HIGH = 0.30102999566361177;
const LOG10_2_LOW = 3.694239077158931e-13;
const INVERSE_LN2 = Math.LOG2E;
const INVERSE_LN10 = Math.LOG10E;
const SQRT2 = Math.SQRT2;
/** 2^54, which makes a subnormal number normal. */
const TWO54 = 18_014_398_509_481_984;
const EXPONENT_BIAS = 1023;

/** Below: the coefficients 2/(2k+1) of log((1+s)/(1-s)) = 2s + s·R(s²), as a minimax fit (fdlibm, e_log.c). */
const L1 = 0.6666666666666735;
const L2 = 0.3999999999940942;
const L3 = 0.2857142874366239;
const L4 = 0.22222198432149784;
const L5 = 0.1818357216161805;
const L6 = 0.15313837699209373;
const L7 = 0.14798198605116586;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Which half of a double holds its exponent; 1 on every machine Node runs on. */
const HIGH = ((): 0 | 1 => {
  float[0] = 1;
  return words[1] === 0 ? 0 : 1;
})();

/** x as mantissa · 2^exponent, the mantissa in [√½, √2]; x is positive and finite. */
function split(x: number): { readonly mantissa: number; readonly exponent: number } {
  const isSubnormal = x < 2.2250738585072014e-308;
  float[0] = isSubnormal ? x * TWO54 : x;
  const high = words[HIGH] as number;
  let exponent = (high >>> 20) - EXPONENT_BIAS - (isSubnormal ? 54 : 0);
  words[HIGH] = (high & 0x000fffff) | (EXPONENT_BIAS << 20);
  let mantissa = float[0] as number;
  if (mantissa > SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  return { mantissa, exponent };
}

/** The natural logarithm of a number in [√½, √2], as fdlibm computes it. */
function logOfMantissa(mantissa: number): number {
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const rest = z * (L1 + w * (L3 + w * (L5 + w * L7))) + w * (L2 + w * (L4 + w * L6));
  const half = 0.5 * f * f;
  return f - (half - s * (half + rest));
}

function edge(x: number): number | undefined {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  return x === Number.POSITIVE_INFINITY ? x : undefined;
}

/** The natural logarithm, within one unit in the last place. */
export function log(x: number): number {
  const special = edge(x);
  if (special !== undefined) return special;
  const { mantissa, exponent } = split(x);
  return exponent * LN2_HIGH + (logOfMantissa(mantissa) + exponent * LN2_LOW);
}

/** The logarithm to base 2; exact for powers of two. */
export function log2(x: number): number {
  const special = edge(x);
  if (special !== undefined) return special;
  const { mantissa, exponent } = split(x);
  return exponent + logOfMantissa(mantissa) * INVERSE_LN2;
}

/** The logarithm to base 10; exact for powers of ten up to 10^22. */
export function log10(x: number): number {
  const special = edge(x);
  if (special !== undefined) return special;
  const { mantissa, exponent } = split(x);
  const value = exponent * LOG10_2_HIGH + (logOfMantissa(mantissa) * INVERSE_LN10 + exponent * LOG10_2_LOW);
  const whole = Math.round(value);
  // Powers of ten are where a ceiling is taken: they must not come out a hair above.
  return Math.abs(value - whole) < 1e-12 && POWERS_OF_TEN[whole] === x ? whole : value;
}

/** Exactly representable, all of them. */
const POWERS_OF_TEN: readonly number[] = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
  1e20, 1e21, 1e22,
];
