/** `keydesk whoami`: which service, who, with which roles, until when. */
import type { Me } from '@keydesk/contract'
import { print, printJson } from '../print.ts'
import { renderFields, time } from '../service/render-table.ts'
import { Service } from '../service/service.ts'
import type { ServiceOptions } from '../service/service-options.ts'
import type { AccessToken } from '../session/access-token.ts'
import { roleName } from '../roles/role-name.ts'
import { fetchMe } from './fetch-me.ts'

export type WhoamiOptions = ServiceOptions

export async function whoami(options: WhoamiOptions): Promise<number> {
  const service = await Service.open(options)
  const me = await fetchMe(service)
  // Asked for last: the request may have renewed it.
  const { server, source, expiresAt } = service.access
  if (options.json === true) await printJson({ server, source, expiresAt, ...me })
  else await print(whoamiText(service.access, me))
  return 0
}

function whoamiText({ server, source, expiresAt }: AccessToken, me: Me): string {
  return renderFields([
    ['Service', server],
    [me.type === 'user' ? 'User' : 'Program', me.name],
    ['Name', me.displayName],
    ['ID', me.id],
    ['Roles', me.roles.length === 0 ? 'none' : me.roles.map(roleText)],
    ['Signed in', time(me.authenticatedAt)],
    ['By', me.methods?.join(', ')],
    ['Strong until', time(me.stepUpUntil)],
    ['Token until', tokenText(source, time(expiresAt))],
  ])
}

function tokenText(source: AccessToken['source'], end: string | undefined): string | undefined {
  if (end === undefined) return undefined
  return source === 'environment' ? end : `${end}, then renewed by itself`
}

function roleText({ roleId, effect, scope }: Me['roles'][number]): string {
  const where = scope === '/' ? '' : ` for ${scope}`
  return `${effect === 'deny' ? 'DENIED ' : ''}${roleName(roleId)}${where}`
}
