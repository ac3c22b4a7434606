/** The scope of a role in words. */

interface Scoped {
  readonly scope?: string
  readonly scopeName?: string
}

export function scopeText({ scope = '/', scopeName }: Scoped): string {
  if (scope === '/') return 'everything'
  const [, kind = '', id = ''] = scope.split('/')
  return `${kind === 'devices' ? 'device' : 'unit'} ${scopeName ?? id}`
}
