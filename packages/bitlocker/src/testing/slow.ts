/** SLOW=1 runs everything that the normal run only samples. */
export const slow = process.env['SLOW'] === '1'
