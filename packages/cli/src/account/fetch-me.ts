/** Who is signed in, as the service says. */
import type { Me } from '@keydesk/contract'
import type { Service } from '../service/service.ts'

export async function fetchMe(service: Service): Promise<Me> {
  return await service.get<Me>('/api/v1/me')
}
