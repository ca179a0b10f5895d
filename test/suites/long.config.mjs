import { configOf } from './split.mjs';

export default configOf('long');
