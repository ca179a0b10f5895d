import { configOf } from './split.mjs';

export default configOf('quick');
