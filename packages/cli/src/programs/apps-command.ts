import { Command } from 'commander'
export function appsCommand(): Command {
  return new Command('x')
}
