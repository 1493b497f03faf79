export const half = ({ length }, xs) => length; export default half;
