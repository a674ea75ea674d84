/** A name of the API as words: `didsOnly` and `DIDS_ONLY` are `Dids only`. */
export function words(name: string): string {
  const apart = /[a-z]/.test(name) ? name.replace(/([a-z0-9])([A-Z])/g, '$1 $2') : name.replaceAll('_', ' ')
  const small = apart.toLowerCase()
  return small.charAt(0).toUpperCase() + small.slice(1)
}
