/** HTTP of the style and the script of the rendered pages. */

import { Type } from 'typebox'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { assetNamed } from './assets.ts'

const Params = Type.Object({ name: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }) })

export function assetRoutes(app: App): void {
  app.get('/sign-in/assets/:name', { schema: { params: Params } }, async (request, reply) => {
    const asset = assetNamed(request.params.name)
    if (asset === undefined) throw new AppError('NOT_FOUND', 'There is no such file.')
    return reply
      .type(asset.contentType)
      .header('cache-control', 'public, max-age=31536000, immutable')
      .send(asset.body)
  })
}
