#define IFNAMSIZ 16
