/** The server process. */

export { buildApp } from './app.ts'
