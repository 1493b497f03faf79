interface Point { x: number; y: number }
const origin: Point = { x: 0, y: 0 };
const move = <T extends Point>(point: T, by: number): Point => ({ x: point.x + by, y: point.y });
console.log(move(origin, 3) as Point, process.argv.slice(2));
